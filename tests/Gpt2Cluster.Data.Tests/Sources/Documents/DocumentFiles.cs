using System.Globalization;
using System.IO.Compression;
using System.Text;
using Parquet;
using Parquet.Schema;

namespace Gpt2Cluster.Data.Tests.Sources.Documents;

/// <summary>Documents made by hand, from what their formats' descriptions ask for at least.</summary>
internal static class DocumentFiles
{
    private const string WordType = "application/vnd.openxmlformats-officedocument.wordprocessingml";

    private const string OfficeRelation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

    private const string WordNamespaces =
        "xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\" "
        + "xmlns:m=\"http://schemas.openxmlformats.org/officeDocument/2006/math\" "
        + "xmlns:mc=\"http://schemas.openxmlformats.org/markup-compatibility/2006\" "
        + "xmlns:wp=\"http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing\" "
        + "xmlns:a=\"http://schemas.openxmlformats.org/drawingml/2006/main\" "
        + "xmlns:wps=\"http://schemas.microsoft.com/office/word/2010/wordprocessingShape\" "
        + "xmlns:v=\"urn:schemas-microsoft-com:vml\"";

    private const string Relationships = "http://schemas.openxmlformats.org/package/2006/relationships";

    /// <summary>
    /// A .docx with the given XML between the tags of its body, of its footnotes and of a comment, and a running head.
    /// </summary>
    public static byte[] Word(string body, string footnotes = "") => Zip(
        ("[Content_Types].xml", $"""
            <Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
            <Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
            <Override PartName="/word/document.xml" ContentType="{WordType}.document.main+xml"/>
            <Override PartName="/word/footnotes.xml" ContentType="{WordType}.footnotes+xml"/>
            <Override PartName="/word/comments.xml" ContentType="{WordType}.comments+xml"/>
            <Override PartName="/word/header1.xml" ContentType="{WordType}.header+xml"/>
            </Types>
            """),
        ("_rels/.rels", $"""
            <Relationships xmlns="{Relationships}"><Relationship Id="r1" Type="{OfficeRelation}/officeDocument"
            Target="word/document.xml"/></Relationships>
            """),
        ("word/_rels/document.xml.rels", $"""
            <Relationships xmlns="{Relationships}">
            <Relationship Id="r1" Type="{OfficeRelation}/footnotes" Target="footnotes.xml"/>
            <Relationship Id="r2" Type="{OfficeRelation}/comments" Target="comments.xml"/>
            <Relationship Id="r3" Type="{OfficeRelation}/header" Target="header1.xml"/></Relationships>
            """),
        ("word/document.xml", $"<w:document {WordNamespaces}><w:body>{body}</w:body></w:document>"),
        ("word/footnotes.xml", $"""
            <w:footnotes {WordNamespaces}><w:footnote w:type="separator" w:id="0"><w:p><w:r><w:t>no text</w:t></w:r>
            </w:p></w:footnote>{footnotes}</w:footnotes>
            """),
        ("word/comments.xml", $"""
            <w:comments {WordNamespaces}><w:comment w:id="0" w:author="an editor"><w:p><w:r><w:t>is it so?</w:t></w:r>
            </w:p></w:comment></w:comments>
            """),
        ("word/header1.xml", $"<w:hdr {WordNamespaces}><w:p><w:r><w:t>a running head</w:t></w:r></w:p></w:hdr>"));

    /// <summary>An .epub of chapters, which its manifest lists backwards.</summary>
    public static byte[] Epub(params string[] chapters)
    {
        var items = chapters.Select((_, index) => $"<item id=\"c{index}\" href=\"text/chapter%20{index}.xhtml\"/>");
        var spine = chapters.Select((_, index) => $"<itemref idref=\"c{index}\"/>");
        return Zip(
        [
            ("mimetype", "application/epub+zip"),
            ("META-INF/container.xml", """
                <container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
                <rootfile full-path="OPS/book.opf"/></rootfiles></container>
                """),
            ("OPS/book.opf", $"""
                <package xmlns="http://www.idpf.org/2007/opf"><manifest>{string.Concat(items.Reverse())}</manifest>
                <spine>{string.Concat(spine)}</spine></package>
                """),
            .. chapters.Select((text, index) => ($"OPS/text/chapter {index}.xhtml", text)),
        ]);
    }

    /// <summary>A PDF of one page in Helvetica; each text stands at its place, points from the lower left.</summary>
    public static byte[] Pdf(params (int X, int Y, string Text)[] lines) => PdfPages(lines);

    /// <summary>A PDF of several; the letters 1 to 3 are the ligatures ff, fi, fl. One of null is a picture.</summary>
    public static byte[] PdfPages(params (int X, int Y, string Text)[]?[] pages)
    {
        var objects = new List<string>
        {
            "<< /Type /Catalog /Pages 2 0 R >>",
            $"<< /Type /Pages /Kids [{string.Join(' ', pages.Select((_, page) => $"{5 + 2 * page} 0 R"))}] "
                + $"/Count {pages.Length} >>",
            "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding << /Type /Encoding "
                + "/BaseEncoding /WinAnsiEncoding /Differences [1 /ff /fi /fl] >> >>",
            "<< /Type /XObject /Subtype /Image /Width 2 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8 "
                + "/Length 2 >>\nstream\n~~\nendstream",
        };
        foreach (var lines in pages)
        {
            var content = lines is null ? "q 500 0 0 700 50 50 cm /Im1 Do Q\n" : string.Concat(lines.Select(
                line => string.Create(CultureInfo.InvariantCulture,
                    $"BT /F1 10 Tf {line.X} {line.Y} Td ({line.Text}) Tj ET\n")));
            objects.Add($"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {objects.Count + 2} 0 R "
                + "/Resources << /Font << /F1 3 0 R >> /XObject << /Im1 4 0 R >> >> >>");
            objects.Add($"<< /Length {content.Length} >>\nstream\n{content}endstream");
        }

        var file = new StringBuilder("%PDF-1.4\n");
        var places = new List<int>();
        for (var i = 0; i < objects.Count; i++)
        {
            places.Add(file.Length);
            file.Append(CultureInfo.InvariantCulture, $"{i + 1} 0 obj\n{objects[i]}\nendobj\n");
        }

        var table = file.Length;
        file.Append(CultureInfo.InvariantCulture, $"xref\n0 {objects.Count + 1}\n0000000000 65535 f \n");
        foreach (var place in places)
            file.Append(CultureInfo.InvariantCulture, $"{place:D10} 00000 n \n");
        file.Append(CultureInfo.InvariantCulture,
            $"trailer << /Size {objects.Count + 1} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n");
        return Encoding.Latin1.GetBytes(file.ToString());
    }

    /// <summary>A Parquet table of two columns, in row groups of two rows.</summary>
    public static async Task<byte[]> Parquet(string column, params string?[] texts)
    {
        var numbers = new DataField<int>("number");
        var field = new DataField<string>(column);
        using var file = new MemoryStream();
        await using (var writer = await ParquetWriter.CreateAsync(new ParquetSchema(numbers, field), file))
        {
            foreach (var rows in texts.Chunk(2))
            {
                using var group = writer.CreateRowGroup();
                await group.WriteAsync<int>(numbers, Enumerable.Range(0, rows.Length).ToArray());
                await group.WriteAsync(field, rows!);
                group.CompleteValidate();
            }
        }

        return file.ToArray();
    }

    private static byte[] Zip(params (string Name, string Content)[] members)
    {
        using var file = new MemoryStream();
        using (var archive = new ZipArchive(file, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, content) in members)
            {
                using var writer = new StreamWriter(archive.CreateEntry(name).Open());
                writer.Write(content);
            }
        }

        return file.ToArray();
    }
}

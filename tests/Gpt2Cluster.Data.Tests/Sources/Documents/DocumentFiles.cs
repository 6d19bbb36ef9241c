using System.Globalization;
using System.IO.Compression;
using System.Text;
using Parquet;
using Parquet.Schema;

namespace Gpt2Cluster.Data.Tests.Sources.Documents;

/// <summary>Documents made by hand, from what their formats' descriptions ask for at least.</summary>
internal static class DocumentFiles
{
    private const string WordNamespace = "http://schemas.openxmlformats.org/wordprocessingml/2006/main";

    private const string Relationships = "http://schemas.openxmlformats.org/package/2006/relationships";

    /// <summary>A .docx with the given XML between the tags of its body.</summary>
    public static byte[] Word(string body) => Zip(
        ("[Content_Types].xml", """
            <Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
            <Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
            <Default Extension="xml"
            ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/>
            </Types>
            """),
        ("_rels/.rels", $"""
            <Relationships xmlns="{Relationships}"><Relationship Id="r1"
            Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
            Target="word/document.xml"/></Relationships>
            """),
        ("word/document.xml", $"<w:document xmlns:w=\"{WordNamespace}\"><w:body>{body}</w:body></w:document>"));

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
    public static byte[] Pdf(params (int X, int Y, string Text)[] lines)
    {
        var content = string.Concat(lines.Select(line => string.Create(
            CultureInfo.InvariantCulture, $"BT /F1 10 Tf {line.X} {line.Y} Td ({line.Text}) Tj ET\n")));
        string[] objects =
        [
            "<< /Type /Catalog /Pages 2 0 R >>",
            "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
                + "/Resources << /Font << /F1 5 0 R >> >> >>",
            $"<< /Length {content.Length} >>\nstream\n{content}endstream",
            "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        ];
        var file = new StringBuilder("%PDF-1.4\n");
        var places = new List<int>();
        for (var i = 0; i < objects.Length; i++)
        {
            places.Add(file.Length);
            file.Append(CultureInfo.InvariantCulture, $"{i + 1} 0 obj\n{objects[i]}\nendobj\n");
        }

        var table = file.Length;
        file.Append(CultureInfo.InvariantCulture, $"xref\n0 {objects.Length + 1}\n0000000000 65535 f \n");
        foreach (var place in places)
            file.Append(CultureInfo.InvariantCulture, $"{place:D10} 00000 n \n");
        file.Append(CultureInfo.InvariantCulture,
            $"trailer << /Size {objects.Length + 1} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n");
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

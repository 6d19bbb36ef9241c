using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Models;
using Gpt2Cluster.Data.Models.HuggingFace;
using Gpt2Cluster.Data.Sources;
using Gpt2Cluster.Data.Tests.Sources.Documents;

namespace Gpt2Cluster.Data.Tests.Sources;

/// <summary>What people bring first, and the text that a model learns of it.</summary>
public sealed class NewUserTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly List<string> warnings = [];

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_novel_of_Word()
    {
        folder.Write("novel.docx", DocumentFiles.Word("""
            <w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t>Chapter One</w:t></w:r></w:p>
            <w:p><w:pPr><w:framePr w:dropCap="drop" w:lines="3"/></w:pPr><w:r><w:t>O</w:t></w:r></w:p>
            <w:p><w:r><w:t xml:space="preserve">nce upon a time </w:t></w:r><w:commentRangeStart w:id="0"/><w:del><w:r>
            <w:delText>an old</w:delText></w:r></w:del><w:ins><w:r><w:t>a young</w:t></w:r></w:ins><w:r>
            <w:t xml:space="preserve"> baker</w:t></w:r><w:commentRangeEnd w:id="0"/><w:r><w:commentReference w:id="0"/>
            </w:r><w:r><w:footnoteReference w:id="2"/></w:r><w:r><w:t>.</w:t></w:r></w:p>
            <w:tbl><w:tr><w:tc><w:p><w:r><w:t>Bread</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>3,50 €</w:t></w:r>
            </w:p></w:tc></w:tr></w:tbl>
            """, """
            <w:footnote w:id="2"><w:p><w:r><w:footnoteRef/></w:r><w:r>
            <w:t xml:space="preserve"> The baker is real.</w:t></w:r></w:p></w:footnote>
            """));
        Assert.Equal(
            ["Chapter One\nOnce upon a time a young baker.\nBread\t3,50 €\nThe baker is real.\n"],
            Read("novel.docx"));
    }

    [Fact]
    public void A_pdf_of_two_columns()
    {
        folder.Write("paper.pdf", DocumentFiles.PdfPages([.. Enumerable.Range(1, 4).Select(page => Columns(page)
            .Append((72, 750, "A Journal")).Append((300, 30, $"{page}")).ToArray())]));
        var pages = Enumerable.Range(1, 4).Select(page =>
            $"On page {page} the keeper counted\nthe ships, and of the first one\nshe drew a small and careful\n"
            + $"picture that nobody saw\nbefore the second column of {page}\nwent on with the same sentence\n"
            + "as if nothing had been there,\nwhich pleased her well.\n");
        Assert.Equal([string.Join('\n', pages)], Read("paper.pdf"));
        Assert.Contains("8 lines that come back", Assert.Single(warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void An_epub()
    {
        folder.Write("book.epub", DocumentFiles.Epub(
            "<html><head><title>Cover</title></head><body><svg><image href='cover.jpg'/></svg></body></html>",
            """
            <?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head><body><h1>One</h1>
            <p>It was night.<a epub:type="noteref" href="#n">1</a></p><p>The sea&#160;slept.</p></body></html>
            """,
            "<html><body><aside epub:type=\"footnote\" id=\"n\"><p>1. A Tuesday.</p></aside></body></html>"));
        Assert.Equal(["One\n\nIt was night.\n\nThe sea\u00A0slept.\n\n1. A Tuesday.\n\n"], Read("book.epub"));
        Assert.Empty(warnings);
    }

    [Theory]
    [InlineData("WhatsApp Chat with Ben.txt",
        "12/31/23, 9:15\u202FPM - Anna: Happy new year! 🎉\n"
        + "12/31/23, 9:16\u202FPM - Ben: <Media omitted>\nand you\n")]
    [InlineData("_chat.txt",
        "\u200E[31.12.23, 21:15:09] Anna: \u200EBild weggelassen\n[31.12.23, 21:16:10] Ben: Frohes Neues\n")]
    [InlineData("G - general [123].txt",
        "Guild: G\nChannel: general\n\n[12/31/2023 9:15 PM] anna#1234\nHello there\n\n"
        + "{Attachments}\nhttps://a.b/c.png\n")]
    public void An_exported_chat_is_the_text_that_it_is(string name, string text)
    {
        folder.Write(name, "\uFEFF" + text.Replace("\n", "\r\n", StringComparison.Ordinal));
        Assert.Equal([text], Read(name));
        Assert.Empty(warnings);
    }

    [Fact]
    public void A_chat_in_another_programs_json_is_told_what_to_do()
    {
        folder.Write("chat.json", """
            {"guild": {"name": "G"}, "messages": [{"id": "3", "content": "Hello", "author": {"name": "anna"}}]}
            """);
        Assert.Equal($"The record at line 1 of {folder.File("chat.json")} has a message without a \"role\" and a "
            + "\"content\" that is text, as OpenAI's have; export a chat of another program as text or as CSV.",
            Fault("chat.json"));
    }

    [Theory]
    [InlineData("utf-8", "\uFEFF", "")]
    [InlineData("utf-8", "\uFEFF", "sep=;\r\n")]
    [InlineData("utf-16", "\uFEFF", "")]
    [InlineData("windows-1252", "", "")]
    [InlineData("windows-1252", "", "sep=;\r\n")]
    public void A_table_of_Excel(string encoding, string mark, string separator)
    {
        var table = mark + separator + "Titel;Preis;text\r\nBrot;3,50;Das Brot ist gut.\r\n"
            + "Käse;12,00;\"Der Käse; er ist \"\"alt\"\".\nUnd müffelt.\"\r\n";
        var code = TextEncodings.Named(encoding);
        folder.Write("table.csv", code.GetBytes(table));
        string[] expected = ["Das Brot ist gut.", "Der Käse; er ist \"alt\".\nUnd müffelt."];
        if (mark.Length > 0)
            Assert.Equal(expected, Read("table.csv"));
        else
            Assert.EndsWith("name its encoding with --encoding NAME, for example --encoding windows-1252.",
                Fault("table.csv"), StringComparison.Ordinal);
        Assert.Equal(expected,
            CollectedDocuments.Of(folder.File("table.csv"), new SourceOptions { Encoding = code }));
    }

    [Fact]
    public void A_folder_with_pictures_among_the_texts()
    {
        folder.Write("in/a.txt", "The first.\n");
        folder.Write("in/b.md", "# Second\n");
        folder.Write("in/c/novel.docx", DocumentFiles.Word("<w:p><w:r><w:t>Third.</w:t></w:r></w:p>"));
        foreach (var hidden in new[] { ".DS_Store", "Thumbs.db", "desktop.ini", "c/~$novel.docx", "__MACOSX/._a.txt" })
            folder.Write("in/" + hidden, "no text");
        folder.Write("in/photo.jpg", [0xFF, 0xD8, 0xFF, 0xE0]);
        folder.Write("in/pic.PNG", [0x89, .. "PNG\r\n"u8, 0x1A, 10]);
        folder.Write("in/old.zip", [.. "PK\x03\x04"u8]);
        folder.Write("in/phone.heic", [0, 0, 0, 0x18, .. "ftypheic"u8]);
        folder.Write("in/scan.pdf", DocumentFiles.PdfPages([null]));
        Assert.Equal(["The first.\n", "# Second\n", "Third.\n"], Read("in"));
        Assert.Equal(
            [
                "old.zip is a zip archive, not text; it is left out.",
                "phone.heic is binary, not text: byte 0 is zero; it is left out.",
                "photo.jpg is a JPEG picture, not text; it is left out.",
                "pic.PNG is a PNG picture, not text; it is left out.",
                "scan.pdf has no text on its 1 page; it is left out.",
            ],
            warnings.Select(warning => warning[(warning.LastIndexOf('/') + 1)..]));
    }

    [Fact]
    public void A_hub_model_with_pytorch_model_bin_only()
    {
        folder.Write("model/config.json", File.ReadAllBytes(Golden.Path("numerics/config.json")));
        File.Copy(Golden.Path("pytorch/hub.bin"), folder.File("model/pytorch_model.bin"));
        using var model = ModelFormats.Open(folder.File("model"));
        using var expected = ModelFolder.Open(Golden.Path("numerics"));
        var (values, right) = (new float[model.Layout.Length], new float[expected.Layout.Length]);
        model.ReadParameters(0, values);
        expected.ReadParameters(0, right);
        Assert.Equal(right.Select(value => (float)(Half)value), values);
    }

    private static IEnumerable<(int X, int Y, string Text)> Columns(int page)
    {
        string[] left =
        [
            $"On page {page} the keeper counted", "the ships, and of the \u0002rst one", "she drew a small and care-",
            "ful picture that nobody saw",
        ];
        string[] right =
        [
            $"before the second column of {page}", "went on with the same sentence", "as if nothing had been there,",
            "which pleased her well.",
        ];
        return left.Zip(right).SelectMany((pair, row) =>
            new[] { (72, 700 - 12 * row, pair.First), (330, 700 - 12 * row, pair.Second) });
    }

    private List<string> Read(string name) =>
        CollectedDocuments.Of(folder.File(name), new SourceOptions { Warn = warnings.Add });

    private string Fault(string name) => Assert.Throws<UserErrorException>(() => Read(name)).Message;
}

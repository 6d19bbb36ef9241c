using System.Text;
using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Sources;

namespace Gpt2Cluster.Data.Tests.Sources.Documents;

/// <summary>What libraries read of documents, in the test's own process.</summary>
public sealed class DocumentReadersTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_novel_of_word_is_its_paragraphs()
    {
        var file = folder.Write("novel.docx", DocumentFiles.Word("""
            <w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t>Chapter one</w:t></w:r></w:p>
            <w:p/>
            <w:p><w:r><w:t xml:space="preserve">It was </w:t></w:r><w:r><w:b/><w:t>night</w:t></w:r><w:r><w:tab/>
            <w:t>and</w:t><w:br/><w:t>dark.</w:t></w:r><w:del><w:r><w:delText>gone</w:delText></w:r></w:del></w:p>
            <w:tbl><w:tr><w:tc><w:p><w:r><w:t>cell &amp; é</w:t></w:r></w:p></w:tc></w:tr></w:tbl>
            """));
        Assert.Equal(["Chapter one\n\nIt was night\tand\ndark.\ncell & é\n"], CollectedDocuments.Of(file));
    }

    [Fact]
    public void The_chapters_of_an_epub_stand_in_the_order_of_its_spine()
    {
        var file = folder.Write("book.epub", DocumentFiles.Epub(
            "<html><head><title>no</title></head><body><h1>One</h1><p>First\n  <i>line</i>.</p></body></html>",
            "<html><body><p>Second &#8212; end.</p></body></html>"));
        Assert.Equal(["One\n\nFirst line.\n\nSecond — end.\n\n"], CollectedDocuments.Of(file));
    }

    [Fact]
    public void An_element_of_a_book_that_has_no_content_takes_nothing_with_it()
    {
        var file = folder.Write("book.epub", DocumentFiles.Epub("""
            <?xml version="1.0"?><!DOCTYPE html>
            <html xmlns="http://www.w3.org/1999/xhtml"><head><title/><script src="a.js"/><style type='a>b'/></head>
            <body><a id="top"/><h1>One</h1><p>First<br/>line.</p><div class="space" /><p><i/>Second.</p></body></html>
            """));
        Assert.Equal(["One\n\nFirst\nline.\n\nSecond.\n\n"], CollectedDocuments.Of(file));
    }

    [Fact]
    public void The_apparatus_of_a_book_is_no_text()
    {
        var file = folder.Write("book.epub", DocumentFiles.Epub("""
            <html xmlns:epub="http://www.idpf.org/2007/ops"><body><nav epub:type="page-list"><ol><li>1</li></ol></nav>
            <nav epub:type="landmarks"><ol><li>Cover</li></ol></nav><p>A dark night.<a epub:type="noteref">1</a>
            <span epub:type="pagebreak">2</span>So on.<a role="doc-noteref">2</a> soft&#xAD;ly</p>
            <aside epub:type="footnote">1. A note.</aside></body></html>
            """));
        Assert.Equal(["A dark night. So on. softly\n\n1. A note.\n\n"], CollectedDocuments.Of(file));
    }

    [Fact]
    public void Words_that_a_note_hangs_on_are_text()
    {
        var file = folder.Write("book.epub", DocumentFiles.Epub("""
            <html xmlns:epub="http://www.idpf.org/2007/ops"><body><p>He met
            <a epub:type="noteref" href="#n">Napoleon</a> <a epub:type="noteref" href="#m">[12]</a>.</p></body></html>
            """));
        Assert.Equal(["He met Napoleon .\n\n"], CollectedDocuments.Of(file));
    }

    [Fact]
    public void The_columns_of_a_pdf_stand_one_behind_the_other()
    {
        var left = Enumerable.Range(1, 8).Select(line => (72, 720 - 12 * line, $"left {line} of the first column"));
        var right = Enumerable.Range(1, 8).Select(line => (330, 720 - 12 * line, $"right {line} of the second column"));

        // A page is often drawn line by line across its columns.
        var lines = left.Zip(right).SelectMany(pair => new[] { pair.First, pair.Second }).ToArray();
        var file = folder.Write("columns.pdf", DocumentFiles.Pdf(lines));
        var text = Assert.Single(CollectedDocuments.Of(file));
        var expected = Enumerable.Range(1, 8).Select(line => $"left {line} of the first column")
            .Concat(Enumerable.Range(1, 8).Select(line => $"right {line} of the second column"));
        Assert.Equal(expected, text.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public void A_pdf_without_text_is_named() => Assert.Contains("has no text", Fault("scan.pdf", DocumentFiles.Pdf()),
        StringComparison.Ordinal);

    [Theory]
    [InlineData("<p>One\n two</p><p>three<br>four</p>", "One two\n\nthree\nfour\n")]
    [InlineData("<title>no</title><script>no()</script><div>a<span> b </span>c</div><div>d</div>", "a b c\nd\n")]
    [InlineData("<pre>  as\n   it is</pre><ul><li>x</li><li>y &lt;z&gt;</li></ul>", "  as\n   it is\n\nx\ny <z>\n")]
    [InlineData("<table><tr><td>a</td><td>b</td></tr></table>", "a\tb\n")]
    [InlineData("<table><tr><th>a<th> <th>c<tr><td><p>d</p><td><p>e</p></table>", "a\t\tc\n\nd\n\ne\n")]
    [InlineData("<p>soft&shy;ly<div/>open</p>", "softly\n\nopen\n")]
    [InlineData("<?xml version='1.0'?><html><head><title/><script src='a.js'/></head><body><a id='b'/><p>x<br/>y</p>",
        "x\ny\n")]
    public void Html_is_what_a_browser_shows(string html, string expected)
    {
        var file = folder.Write("page.html", html);
        Assert.Equal([expected], CollectedDocuments.Of(file));
    }

    [Fact]
    public void Html_says_its_encoding_or_is_utf8()
    {
        byte[] latin = [.. "<meta charset=\"iso-8859-1\"><p>caf"u8, 0xE9];
        Assert.Equal(["café\n"], CollectedDocuments.Of(folder.Write("a.html", latin)));
        Assert.Equal(["café\n"], CollectedDocuments.Of(folder.Write("b.html", "<p>café")));
        var fault = Fault("c.html", [.. "<p>caf"u8, 0xE9]);
        Assert.Contains("offset 6 ", fault, StringComparison.Ordinal);
        Assert.Contains("--encoding", fault, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_rows_of_a_table_are_documents()
    {
        var table = await DocumentFiles.Parquet("text", "one", null, "thrée\n", "four", "five");
        foreach (var name in new[] { "a.parquet", "a.bin" })
        {
            var file = folder.Write(name, table);
            Assert.Equal(["one", "thrée\n", "four", "five"], CollectedDocuments.Of(file));
        }

        var other = folder.Write("b.parquet", await DocumentFiles.Parquet("body", "x"));
        Assert.Equal(["x"], CollectedDocuments.Of(other, new SourceOptions { TextField = "body" }));
        var fault = Assert.Throws<UserErrorException>(() => CollectedDocuments.Of(other)).Message;
        Assert.Contains("no column \"text\", only \"number\", \"body\"", fault, StringComparison.Ordinal);
        fault = Assert.Throws<UserErrorException>(
            () => CollectedDocuments.Of(other, new SourceOptions { TextField = "number" })).Message;
        Assert.Contains("holds no texts", fault, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a.docx")]
    [InlineData("a.pdf")]
    [InlineData("a.epub")]
    [InlineData("a.parquet")]
    public void What_is_of_another_kind_is_named(string name)
    {
        foreach (var content in new[] { "just a text, of some length", "", "PK\u0003\u0004", "PAR1PAR1", "%PDF-1.4" })
            Assert.Contains(name, Fault(name, Encoding.Latin1.GetBytes(content)), StringComparison.Ordinal);
    }

    private string Fault(string name, byte[] content)
    {
        folder.Write(name, content);
        return Assert.Throws<UserErrorException>(() => CollectedDocuments.Of(folder.File(name))).Message;
    }
}

using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Tests.Sources.Documents;

/// <summary>What of Word's marks a reader sees, all changes accepted.</summary>
public sealed class WordTextTests : IDisposable
{
    private const string Box = "<w:txbxContent><w:p><w:r><w:t>in a box</w:t></w:r></w:p></w:txbxContent>";

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(
        """
        <w:p><w:r><w:t>It </w:t></w:r><w:ins><w:r><w:t>is</w:t></w:r></w:ins><w:del><w:r><w:delText>was
        </w:delText></w:r></w:del></w:p>
        """,
        "It is\n")]
    [InlineData(
        """
        <w:p><w:r><w:t>one</w:t></w:r><w:del><w:r><w:tab/><w:delText>gone</w:delText><w:br/></w:r></w:del></w:p>
        """,
        "one\n")]
    [InlineData(
        """
        <w:p><w:r><w:t xml:space="preserve">so </w:t></w:r><w:r><mc:AlternateContent><mc:Choice Requires="w16se"/>
        <mc:Fallback><w:t>☺</w:t></mc:Fallback></mc:AlternateContent></w:r></w:p>
        """,
        "so ☺\n")]
    [InlineData(
        """
        <w:p><w:moveFrom><w:r><w:t>moved</w:t></w:r></w:moveFrom><w:r><w:t>first</w:t></w:r></w:p>
        <w:p><w:moveTo><w:r><w:t>moved</w:t></w:r></w:moveTo></w:p>
        """,
        "first\nmoved\n")]
    [InlineData(
        """
        <w:p><w:pPr><w:rPr><w:del/></w:rPr></w:pPr><w:r><w:t xml:space="preserve">one </w:t></w:r></w:p>
        <w:p><w:r><w:t>line</w:t></w:r></w:p>
        """,
        "one line\n")]
    [InlineData(
        """
        <w:p><w:pPr><w:framePr w:dropCap="drop" w:lines="3"/></w:pPr><w:r><w:t>O</w:t></w:r></w:p>
        <w:p><w:r><w:t>nce upon</w:t></w:r></w:p>
        """,
        "Once upon\n")]
    [InlineData(
        """
        <w:p><w:r><w:t>seen</w:t></w:r><w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r>
        <w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t> too</w:t></w:r></w:p>
        """,
        "seen too\n")]
    [InlineData(
        """
        <w:p><w:r><w:t>said</w:t></w:r><w:commentRangeStart w:id="0"/><w:r><w:t> so</w:t></w:r>
        <w:commentRangeEnd w:id="0"/><w:r><w:commentReference w:id="0"/></w:r></w:p>
        """,
        "said so\n")]
    [InlineData(
        """
        <w:p><w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText> PAGEREF a </w:instrText></w:r>
        <w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>see 7</w:t></w:r></w:p>
        """,
        "see 7\n")]
    [InlineData(
        """
        <w:p><w:r><w:t>rain</w:t><w:softHyphen/><w:t>bow, well</w:t><w:noBreakHyphen/><w:t>known</w:t></w:r>
        </w:p>
        """,
        "rainbow, well-known\n")]
    [InlineData(
        """
        <w:p><w:r><w:ruby><w:rt><w:r><w:t>too</w:t></w:r></w:rt><w:rubyBase><w:r><w:t>東</w:t></w:r>
        </w:rubyBase></w:ruby></w:r></w:p>
        """,
        "東\n")]
    [InlineData("<w:p><w:r><w:t>so</w:t></w:r><m:oMath><m:r><m:t> E=mc²</m:t></m:r></m:oMath></w:p>", "so E=mc²\n")]
    [InlineData(
        """
        <w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p><w:p><w:r><w:t>b</w:t></w:r></w:p></w:tc>
        <w:tc><w:p/></w:tc><w:tc><w:p><w:r><w:t>c</w:t></w:r></w:p></w:tc></w:tr>
        <w:tr><w:trPr><w:del/></w:trPr><w:tc><w:p><w:r><w:t>deleted</w:t></w:r></w:p></w:tc></w:tr>
        <w:tr><w:tc><w:p><w:r><w:t>d</w:t></w:r></w:p></w:tc><w:tc><w:p/></w:tc></w:tr></w:tbl>
        <w:p><w:r><w:t>after</w:t></w:r></w:p>
        """,
        "a\nb\t\tc\nd\nafter\n")]
    public void A_paragraph_is_what_is_seen_of_it(string body, string expected)
    {
        Assert.Equal([expected], Read(body));
    }

    [Fact]
    public void A_box_stands_once_behind_its_paragraph()
    {
        Assert.Equal(["before and after\nin a box\nnext\n"], Read($"""
            <w:p><w:r><w:t xml:space="preserve">before </w:t></w:r><w:r><mc:AlternateContent><mc:Choice Requires="wps">
            <w:drawing><wp:anchor><a:graphic><a:graphicData uri="w"><wps:wsp><wps:txbx>{Box}</wps:txbx></wps:wsp>
            </a:graphicData></a:graphic></wp:anchor></w:drawing></mc:Choice><mc:Fallback><w:pict><v:textbox>{Box}
            </v:textbox></w:pict></mc:Fallback></mc:AlternateContent></w:r><w:r><w:t>and after</w:t></w:r></w:p>
            <w:p><w:r><w:t>next</w:t></w:r></w:p>
            """));
    }

    [Fact]
    public void Notes_stand_behind_the_text_without_their_numbers_blank()
    {
        Assert.Equal(["text\nThe note.\nsecond\n"], Read(
            "<w:p><w:r><w:t>text</w:t><w:footnoteReference w:id=\"1\"/></w:r></w:p>", """
            <w:footnote w:id="1"><w:p><w:r><w:footnoteRef/></w:r><w:r><w:t xml:space="preserve"> The</w:t></w:r><w:r>
            <w:t xml:space="preserve"> note.</w:t></w:r></w:p><w:p><w:r><w:t>second</w:t></w:r></w:p></w:footnote>
            """));
    }

    [Fact]
    public void A_password_is_named()
    {
        byte[] locked = [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1, .. new byte[500]];
        var file = folder.Write("locked.docx", locked);
        var message = Assert.Throws<UserErrorException>(() => CollectedDocuments.Of(file)).Message;
        Assert.Contains("locked.docx is protected by a password", message, StringComparison.Ordinal);
    }

    private List<string> Read(string body, string footnotes = "") =>
        CollectedDocuments.Of(folder.Write("a.docx", DocumentFiles.Word(body, footnotes)));
}

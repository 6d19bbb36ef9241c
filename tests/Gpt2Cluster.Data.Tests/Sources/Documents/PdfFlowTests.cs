using Gpt2Cluster.Data.Sources;

namespace Gpt2Cluster.Data.Tests.Sources.Documents;

/// <summary>One text of the pages of a PDF.</summary>
public sealed class PdfFlowTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly List<string> warnings = [];

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Heads_and_page_numbers_that_come_back_are_left_out_and_named()
    {
        // The even pages' head is the book's, the odd ones' the chapter's with the number of the page.
        var text = Read([.. Enumerable.Range(11, 8).Select(page => Page(page,
            (72, 750, page % 2 == 0 ? "THE BOOK" : $"{page} CHAPTER ONE"), (300, 30, $"- {page} -")))]);
        Assert.Equal(string.Join("\n", Enumerable.Range(11, 8).Select(Body)), text);
        var warning = Assert.Single(warnings);
        Assert.Contains("a.pdf: 16 lines", warning, StringComparison.Ordinal);
        Assert.Contains("CHAPTER ONE\"", warning, StringComparison.Ordinal);
    }

    [Fact]
    public void Roman_numbers_are_numbers()
    {
        string[] numerals = ["viii", "ix", "x", "xi"];
        var text = Read([.. numerals.Select((numeral, page) => Page(page, (300, 30, numeral)))]);
        Assert.Equal(string.Join("\n", Enumerable.Range(0, 4).Select(Body)), text);
    }

    [Theory]
    [InlineData(750, "Chapter 1", "Chapter 2", "Chapter 4")]
    [InlineData(750, "One", "Two", "Three")]
    [InlineData(750, "Day 1", "Day 2", "Day 3")]
    [InlineData(750, "Yes.", "Well", "No", "Yes.", "So", "Or", "Yes.", "Ah", "Oh", "Yes.")]
    [InlineData(720, "- First -", "- First -", "- First -", "- First -", "- First -")]
    [InlineData(712, "The bell, the bell,", "The bell, the bell,", "The bell, the bell,")]
    public void What_does_not_come_back_set_off_from_the_text_stays(int height, params string[] heads)
    {
        var text = Read([.. heads.Select((head, page) => Page(page, (72, height, head)))]);
        Assert.All(heads, head => Assert.Contains(head, text, StringComparison.Ordinal));
        Assert.Empty(warnings);
    }

    [Fact]
    public void Words_under_pictures_are_no_heads()
    {
        string[] words = ["Figure 12", "Figure 13", "Figure 14", "Figure 15", "Figure 16"];
        var text = Read([.. words.Select((line, page) => new[] { (72, 300, line), (300, 30, $"{page + 7}") })]);
        Assert.Equal("Figure 12\nFigure 13\nFigure 14\nFigure 15\nFigure 16\n", text.Replace("\n\n", "\n"));
    }

    [Fact]
    public void Hyphens_of_what_comes_later_stay()
    {
        var text = Read(Lines("Vor-", "und Nachteile, pre-", "and post-war"));
        Assert.Contains("Vor-\nund Nachteile, pre-\nand post-war", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_pages_have_no_running_heads()
    {
        Assert.Contains("HEAD", Read(Page(1, (72, 750, "HEAD")), Page(2, (72, 750, "HEAD"))), StringComparison.Ordinal);
    }

    [Fact]
    public void Words_that_a_line_parts_are_whole()
    {
        var text = Read(Lines(
            "It was a consci-", "entious march of the well-", "known mother-in-", "law to the E-", "Mail of 1914-",
            "1918.", "Nothing is well-known."));
        Assert.Equal("It was a conscientious\nmarch of the well-known\nmother-in-law\nto the E-\nMail of 1914-\n1918.\n"
            + "Nothing is well-known.\n", text);
    }

    [Fact]
    public void A_word_that_goes_on_in_the_next_column_is_whole_if_the_text_has_it_elsewhere()
    {
        var left = Enumerable.Range(1, 7).Select(line => (72, 720 - 12 * line, $"left {line} of the first column,"))
            .Append((72, 720 - 12 * 8, "the keeper drew a small pict-"));
        var right = Enumerable.Range(2, 7).Select(line => (330, 720 - 12 * line, $"right {line} of pictures, a column"))
            .Prepend((330, 720 - 12, "ures of it, and went on"));
        var text = Read([.. left, .. right]);
        Assert.Contains("drew a small pictures\nof it, and went on\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Ligatures_are_letters() => Assert.Equal(
        "The first office flew, difficult\n",
        Read(Lines("The \u0002rst o\u0001ice \u0003ew, di\u0001icult")));

    [Fact]
    public void Pages_of_pictures_are_named()
    {
        Assert.Equal(Body(1), Read(null, Page(1), null));
        Assert.Contains("a.pdf has pictures and no text on 2 of its 3 pages", Assert.Single(warnings),
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_text_without_blanks_is_said_to_be_garbled()
    {
        Read(Lines([.. Enumerable.Range(0, 20).Select(line => $"7KHOLJKWKRXVHNHHSHUFRXQWHG{line}")]));
        Assert.Contains("a.pdf seems garbled", Assert.Single(warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void A_scan_is_left_out_of_a_folder_with_a_warning()
    {
        folder.Write("in/a.pdf", DocumentFiles.PdfPages(null, null));
        folder.Write("in/b.txt", "text");
        Assert.Equal(["text"], CollectedDocuments.Of(folder.File("in"), new SourceOptions { Warn = warnings.Add }));
        Assert.EndsWith("a.pdf has no text on its 2 pages; it is left out.", Assert.Single(warnings),
            StringComparison.Ordinal);
    }

    private static string Body(int page) =>
        string.Concat(Enumerable.Range(1, 6).Select(line => $"Line {line} of the page numbered {page}.\n"));

    private static (int X, int Y, string Text)[] Page(int page, params (int X, int Y, string Text)[] edges) =>
        [.. Body(page).TrimEnd('\n').Split('\n').Select((line, row) => (72, 700 - 12 * row, line)), .. edges];

    private static (int X, int Y, string Text)[] Lines(params string[] lines) =>
        [.. lines.Select((line, row) => (72, 700 - 12 * row, line))];

    private string Read(params (int X, int Y, string Text)[]?[] pages)
    {
        var file = folder.Write("a.pdf", DocumentFiles.PdfPages(pages));
        return Assert.Single(CollectedDocuments.Of(file, new SourceOptions { Warn = warnings.Add }));
    }
}

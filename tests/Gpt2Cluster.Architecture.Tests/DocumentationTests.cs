using System.Text.RegularExpressions;

namespace Gpt2Cluster.Architecture.Tests;

/// <summary>What our pages name is there: links, paths, types, members, tests, transcripts.</summary>
public sealed partial class DocumentationTests
{
    private const int MaximumColumns = 140;
    private const int MaximumArchitectureLines = 150;
    private const string Transcripts = "tests/Gpt2Cluster.Core.Tests/Transcripts/";

    /// <summary>Pages that tell what was: paths and names of then.</summary>
    private static readonly string[] Histories = ["CHANGELOG.md", "tests/Gpt2Cluster.Faults/reports/"];

    /// <summary>Pages that say how the code is, so that their names must be the code's.</summary>
    private static readonly Page[] Described =
        [Page.Of("ARCHITECTURE.md"), .. Page.Under("docs/").Where(page => page.Path != "docs/coming-from.md")];

    [Fact]
    public void Every_link_between_pages_leads_somewhere()
    {
        Assert.Contains(Page.Of("docs/README.md").Links, link => link == "../ARCHITECTURE.md");
        Findings.None(
            from page in Page.All
            from link in page.Links
            where !page.LeadsSomewhere(link)
            select $"{page}: {link}");
    }

    [Fact]
    public void Every_path_that_a_page_names_exists()
    {
        Assert.Contains("grains/Gpt2Cluster.Compute/Replica.cs", PathsOf(Page.Of("ARCHITECTURE.md")));
        Findings.None(
            from page in Page.All
            where !Histories.Any(history => page.Path.StartsWith(history, StringComparison.Ordinal))
            from path in PathsOf(page)
            where !Exists(path)
            select $"{page}: {path}");
    }

    [Fact]
    public void Every_page_that_a_comment_names_exists()
    {
        var named = (
            from file in Repository.SourceFiles
            from line in Repository.Lines(file)
            where line.TrimStart().StartsWith("//", StringComparison.Ordinal)
            from page in PageName().Matches(line).Select(match => match.Value)
            select (file, page)).ToList();
        Assert.Contains(named, found => found.page == "docs/coming-from.md");
        Findings.None(named
            .Where(found => !Page.All.Any(page => page.Path == found.page || Path.GetFileName(page.Path) == found.page))
            .Select(found => $"{found.file}: {found.page}"));
    }

    [Fact]
    public void Every_name_in_the_life_of_a_step_is_declared()
    {
        var names = Page.CodeOf(Page.Of("ARCHITECTURE.md").Section("Life of a step"))
            .Where(SourceNames.IsName).Distinct().ToList();
        Assert.Contains("WorkerStep.Run", names);
        Findings.None(names.Where(name => !SourceNames.IsDeclared(name)));
    }

    [Fact]
    public void Every_name_of_the_code_on_a_page_is_in_the_code()
    {
        Assert.Contains(Described, page => page.Code.Any(code => code == "RunRecord.Lives"));
        Findings.None(
            from page in Described
            from name in page.Code.Where(SourceNames.IsName).Distinct()
            where !SourceNames.IsUsed(name)
            select $"{page}: {name}");
    }

    [Theory]
    [InlineData("NoSuchType", false)]
    [InlineData("RunMachine.NoSuchMember", false)]
    [InlineData("RunMachine.Decide(state, event)", true)]
    [InlineData("FaultPoint.StateTransfer", true)]
    public void A_name_that_is_gone_is_noticed(string name, bool isThere)
    {
        Assert.True(SourceNames.IsName(name));
        Assert.Equal(isThere, SourceNames.IsUsed(name));
        Assert.Equal(isThere, SourceNames.IsDeclared(name));
    }

    [Fact]
    public void Every_row_of_the_failure_table_names_a_test_that_exists()
    {
        var rows = Page.Of("docs/failures.md").Rows.Where(IsFailure).ToList();
        Assert.True(rows.Count > 20, $"{rows.Count} rows");
        Findings.None(
            from row in rows
            let tests = Page.CodeOf(row[^1]).ToList()
            where tests.Count == 0 || !tests.TrueForAll(IsTest)
            select $"{row[0]}: {row[^1]}");

        static bool IsFailure(string[] row) => row.Length == 4 && row[0] is not ("what fails" or "what happens")
            && !row[0].StartsWith('-');
    }

    [Fact]
    public void Every_transcript_on_a_page_exists() =>
        Findings.None(
            from page in Described.Where(page => page.Path != "docs/open.md")
            from name in page.Code.Where(code => TranscriptName().IsMatch(code))
            where !Exists(Transcripts + name)
            select $"{page}: {name}");

    [Fact]
    public void Every_page_of_docs_is_in_its_index()
    {
        var linked = Page.Of("docs/README.md").Links.Select(link => "docs/" + link).ToHashSet(StringComparer.Ordinal);
        Findings.None(Page.Under("docs/")
            .Where(page => page.Path != "docs/README.md" && !DecisionTests.IsRecord(page))
            .Select(page => page.Path)
            .Where(path => !linked.Contains(path)));
    }

    [Fact]
    public void The_architecture_stays_short() =>
        Assert.InRange(Page.Of("ARCHITECTURE.md").Lines.Length, 1, MaximumArchitectureLines);

    /// <summary>A row of a table is one line, however long.</summary>
    [Fact]
    public void No_line_of_the_pages_is_too_long() =>
        Findings.None(
            from page in Described
            from line in page.Lines.Select((text, index) => (text, number: index + 1))
            where line.text.Length > MaximumColumns && !line.text.StartsWith('|')
            select $"{page}:{line.number}");

    /// <summary>A semicolon ends a statement of Mermaid; an arrow may only join what is declared.</summary>
    [Fact]
    public void Every_arrow_of_a_sequence_joins_declared_participants()
    {
        var drawings = Page.Under("docs/protocols/").SelectMany(page => page.Drawings, (page, text) => (page, text))
            .ToList();
        Assert.Equal(6, drawings.Count);
        foreach (var (page, text) in drawings)
        {
            Assert.DoesNotContain(';', text);
            var declared = Participant().Matches(text).Select(match => match.Groups[1].Value).ToList();
            var ends = Arrow().Matches(text).SelectMany(match => new[] { match.Groups[1].Value, match.Groups[2].Value })
                .ToList();
            Assert.NotEmpty(ends);
            Assert.True(ends.TrueForAll(declared.Contains), $"{page}: {string.Join(' ', ends.Except(declared))}");
        }
    }

    private static IEnumerable<string> PathsOf(Page page) => PathName().Matches(page.Text)
        .Select(match => match.Value.TrimEnd('.', '/'))
        .Where(path => !path.Contains("/bin/", StringComparison.Ordinal) && !Placeholder().IsMatch(path));

    private static bool Exists(string path)
    {
        var place = Path.Combine(Repository.Root, path);
        return File.Exists(place) || Directory.Exists(place);
    }

    private static bool IsTest(string name) => TranscriptName().IsMatch(name)
        ? Exists(Transcripts + name)
        : SourceNames.FilesOf(name).Any(file => file.StartsWith("tests/", StringComparison.Ordinal));

    // From the root; what stands behind another path's part is none, nor what a command makes.
    [GeneratedRegex(@"(?<![\w/<>.:=-])(client|deploy|docs|grains|silo|tests)/[\w./-]+")]
    private static partial Regex PathName();

    // Not of an address of the web.
    [GeneratedRegex(@"(?<![\w/:.-])[\w./-]+\.md\b")]
    private static partial Regex PageName();

    [GeneratedRegex("/[A-Z]+(/|$)")]
    private static partial Regex Placeholder();

    [GeneratedRegex(@"^[a-z]+(-[a-z]+)*\.txt$")]
    private static partial Regex TranscriptName();

    [GeneratedRegex(@"^\s*participant (\w+)", RegexOptions.Multiline)]
    private static partial Regex Participant();

    [GeneratedRegex(@"^\s*(\w+?)--?(?:>>|x)(\w+):", RegexOptions.Multiline)]
    private static partial Regex Arrow();
}

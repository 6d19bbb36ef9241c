using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Gpt2Cluster.Architecture.Tests;

/// <summary>Tables of the pages that repeat what other files say, held against these.</summary>
public sealed partial class PageTableTests
{
    [Fact]
    public void Every_package_has_its_reason_and_its_version()
    {
        var reasons = Page.Of("docs/dependencies.md").Rows.Where(row => row.Length == 3).ToList();
        var chosen = XDocument.Load(Path.Combine(Repository.Root, "Directory.Packages.props"))
            .Descendants("ItemGroup")
            .Where(group => !Comment(group).Contains("Transitive", StringComparison.Ordinal))
            .Elements("PackageVersion")
            .Select(package => (Name: package.Attribute("Include")!.Value, package.Attribute("Version")!.Value))
            .ToList();
        Assert.NotEmpty(chosen);
        Findings.None(chosen
            .Where(package => !reasons.Exists(row =>
                row[1] == package.Value && row[0].Split(", ").Contains(package.Name)))
            .Select(package => $"{package.Name} {package.Value}"));
    }

    /// <summary>The projects' table of the architecture, as the architecture tests hold it.</summary>
    [Fact]
    public void The_projects_use_what_their_table_says()
    {
        var rows = Page.Of("ARCHITECTURE.md").Rows.Where(row => row.Length >= 2).ToList();
        Findings.None(
            from arrow in DependencyTests.Arrows
            let project = arrow.Data.Item1
            let folder = project switch
            {
                "Client" => "`client`",
                "LocalCluster" => $"`client/Gpt2Cluster.{project}`",
                _ => $"`grains/Gpt2Cluster.{project}`",
            }
            let uses = string.Join(", ", arrow.Data.Item2)
            where !rows.Exists(row => row[0] == folder && (row.Length > 2 ? row[2] : "") == uses)
            select $"{project}: {uses}");
    }

    [Fact]
    public void The_folders_of_Data_are_those_of_their_table()
    {
        var data = Path.Combine(Repository.Root, "grains", "Gpt2Cluster.Data");
        var expected = Directory.EnumerateDirectories(data, "*", SearchOption.AllDirectories)
            .Where(folder => Directory.EnumerateFiles(folder, "*.cs").Any())
            .Select(folder => Path.GetRelativePath(data, folder).Replace('\\', '/'))
            .Where(folder => folder.Split('/')[0] is not ("bin" or "obj"));
        Findings.None(expected.Except(FoldersOfData()).Except(["Sources/Npz"]));
        Findings.None(FoldersOfData().Where(folder => !Directory.Exists(Path.Combine(data, folder))));
    }

    [Fact]
    public void The_arrows_of_Data_go_down_their_table()
    {
        var order = FoldersOfData().Where(folder => !folder.Contains('/')).ToList();
        Findings.None(
            from room in DependencyTests.Rooms
            from used in room.Data.Item2
            where order.IndexOf(used) <= order.IndexOf(room.Data.Item1)
            select $"{room.Data.Item1} uses {used}");
    }

    [Fact]
    public void A_term_of_the_glossary_is_defined_once_and_not_avoided()
    {
        var glossary = Page.Of("docs/glossary.md").Text;
        var terms = Term().Matches(glossary)
            .SelectMany(match => match.Groups[1].Value.ToLowerInvariant().Split(", ")).ToList();
        Assert.True(terms.Count > 50, $"{terms.Count} terms");
        Assert.Equal(terms.Distinct(), terms);
        var avoided = Avoided().Matches(glossary).SelectMany(match => WithoutRemarks(match.Groups[1].Value));
        Findings.None(avoided.Intersect(terms));
    }

    /// <summary>Words to avoid; one that is a term of its own has a remark that says for what.</summary>
    private static string[] WithoutRemarks(string words) =>
        Remarked().Replace(words, "").TrimEnd('.').Split(", ", StringSplitOptions.RemoveEmptyEntries);

    private static List<string> FoldersOfData() =>
        [.. Page.Of("docs/data-folders.md").Rows.SelectMany(row => Page.CodeOf(row[0]))];

    private static string Comment(XElement group) => (group.PreviousNode as XComment)?.Value ?? "";

    [GeneratedRegex(@"^\*\*([^*]+)\*\*:", RegexOptions.Multiline)]
    private static partial Regex Term();

    [GeneratedRegex("^_Avoid_: (.+)$", RegexOptions.Multiline)]
    private static partial Regex Avoided();

    [GeneratedRegex(@"(?:^|, )[^,(]+ \([^)]*\)")]
    private static partial Regex Remarked();
}

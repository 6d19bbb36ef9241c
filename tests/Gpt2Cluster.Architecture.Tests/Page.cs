using System.Text.RegularExpressions;

namespace Gpt2Cluster.Architecture.Tests;

/// <summary>One of our Markdown pages, and what it names.</summary>
/// <param name="Path">Relative to the root, with forward slashes.</param>
internal sealed partial record Page(string Path)
{
    /// <summary>Every page of the repository, but what packages bring.</summary>
    public static IReadOnlyList<Page> All { get; } =
    [
        .. Directory.EnumerateFiles(Repository.Root, "*.md", SearchOption.AllDirectories)
            .Select(path => System.IO.Path.GetRelativePath(Repository.Root, path).Replace('\\', '/'))
            .Where(path => !path.Split('/').Any(part => part is "bin" or "obj" or "node_modules"))
            .Order(StringComparer.Ordinal)
            .Select(path => new Page(path)),
    ];

    /// <summary>Its text.</summary>
    public string Text { get; } = File.ReadAllText(System.IO.Path.Combine(Repository.Root, Path));

    /// <summary>Its lines.</summary>
    public string[] Lines => Text.Split('\n');

    /// <summary>Its text without blocks of code.</summary>
    public string Prose => Block().Replace(Text, "");

    /// <summary>What stands in <c>`code`</c> form in its prose.</summary>
    public IEnumerable<string> Code => CodeOf(Prose);

    /// <summary>The targets of its links, but addresses of the web.</summary>
    public IEnumerable<string> Links => Link().Matches(Prose)
        .Select(match => match.Groups[1].Value)
        .Where(target => !target.Contains("://", StringComparison.Ordinal));

    /// <summary>The drawings in its blocks of Mermaid.</summary>
    public IEnumerable<string> Drawings => Drawing().Matches(Text).Select(match => match.Groups[1].Value);

    /// <summary>The cells of its tables' rows; heads and rules are among them.</summary>
    public IEnumerable<string[]> Rows => Lines
        .Where(line => line.StartsWith("| ", StringComparison.Ordinal))
        .Select(line => line.Trim('|', ' ').Split('|', StringSplitOptions.TrimEntries));

    /// <summary>What stands in <c>`code`</c> form in a part of a page.</summary>
    public static IEnumerable<string> CodeOf(string prose) =>
        Span().Matches(prose).Select(match => match.Groups[1].Value);

    /// <summary>The page of a path.</summary>
    public static Page Of(string path) => All.Single(page => page.Path == path);

    /// <summary>Pages whose path begins so.</summary>
    public static IEnumerable<Page> Under(string start) =>
        All.Where(page => page.Path.StartsWith(start, StringComparison.Ordinal));

    /// <summary>The part below a heading of the second level.</summary>
    public string Section(string heading)
    {
        var start = Text.IndexOf($"\n## {heading}\n", StringComparison.Ordinal);
        Assert.True(start >= 0, $"{Path} has no heading '{heading}'.");
        var end = Text.IndexOf("\n## ", start + 1, StringComparison.Ordinal);
        return end < 0 ? Text[start..] : Text[start..end];
    }

    /// <summary>Whether a path that stands on this page leads to a file or folder.</summary>
    public bool LeadsSomewhere(string target)
    {
        var folder = System.IO.Path.GetDirectoryName(System.IO.Path.Combine(Repository.Root, Path))!;
        var place = System.IO.Path.GetFullPath(System.IO.Path.Combine(folder, target.Split('#')[0]));
        return target.StartsWith('#') || File.Exists(place) || Directory.Exists(place);
    }

    /// <inheritdoc/>
    public override string ToString() => Path;

    [GeneratedRegex(@"^```.*?^```", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Block();

    [GeneratedRegex(@"^```mermaid\n(.*?)^```", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Drawing();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Span();

    [GeneratedRegex(@"\[[^\]]*\]\(([^)\s]+)\)")]
    private static partial Regex Link();
}

using System.Text.RegularExpressions;

namespace Gpt2Cluster.Data.Sources.Documents;

/// <summary>
/// HTML written as XML. There <c>&lt;title/&gt;</c> is an element without content; to HTML it is one that goes on, and
/// takes the rest of the page with it.
/// </summary>
internal static partial class Xhtml
{
    // Elements that HTML knows to be empty (HTML, 13.1.2).
    private static readonly HashSet<string> Void = new(StringComparer.OrdinalIgnoreCase)
    {
        "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr",
    };

    /// <summary>Whether a page says that it is XML.</summary>
    public static bool Is(string page) => page.AsSpan().TrimStart().StartsWith("<?xml", StringComparison.Ordinal);

    /// <summary>The same page with an end for each element that has no content.</summary>
    public static string AsHtml(string page) => Closed().Replace(page, match => Void.Contains(match.Groups[1].Value)
        ? match.Value
        : $"<{match.Groups[1]}{match.Groups[2]}></{match.Groups[1]}>");

    [GeneratedRegex("""<([A-Za-z][A-Za-z0-9:._-]*)((?:\s+[^\s=<>"'/]+(?:\s*=\s*(?:"[^"<]*"|'[^'<]*'))?)*)\s*/>""",
        RegexOptions.NonBacktracking)]
    private static partial Regex Closed();
}

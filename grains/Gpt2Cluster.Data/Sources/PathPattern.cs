using System.Text;
using System.Text.RegularExpressions;

namespace Gpt2Cluster.Data.Sources;

/// <summary>
/// Finds the files of a pattern: <c>*</c> and <c>?</c> stay within a name, <c>[abc]</c> and <c>[!abc]</c> are one
/// character,
/// <c>**</c> is any depth of folders. Wildcards do not find hidden names, as in a shell.
/// </summary>
internal static class PathPattern
{
    private static readonly char[] Wildcards = ['*', '?', '['];

    /// <summary>Whether a path has wildcards.</summary>
    public static bool Is(string path) => path.IndexOfAny(Wildcards) >= 0;

    /// <summary>The files that match, in no particular order.</summary>
    /// <param name="pattern">The pattern.</param>
    /// <param name="warn">Told of pipes, sockets and devices that match.</param>
    public static IEnumerable<string> Find(string pattern, Action<string> warn)
    {
        var segments = pattern.Replace(Path.DirectorySeparatorChar, '/').Split('/');
        var plain = segments.TakeWhile(segment => segment.IndexOfAny(Wildcards) < 0).Count();
        var root = string.Join('/', segments.Take(plain));
        if (plain == 1 && root.Length == 0)
            root = "/";
        var folder = root.Length == 0 ? "." : root;
        if (!Directory.Exists(folder))
            return [];
        var rest = segments[plain..];
        var regex = new Regex(ToRegex(rest), RegexOptions.CultureInvariant | RegexOptions.NonBacktracking);
        var walk = new FolderWalk(warn)
        {
            FindsHidden = rest.Any(FolderWalk.IsHidden),
            Depth = rest.Contains("**") ? FolderWalk.DeepestFolder : rest.Length - 1,
            Wants = file => regex.IsMatch(Relative(file)),
        };
        return walk.Files(folder).Select(file => root.Length == 0 ? Path.GetRelativePath(folder, file) : file);

        string Relative(string file) =>
            Path.GetRelativePath(folder, file).Replace(Path.DirectorySeparatorChar, '/');
    }

    private static string ToRegex(string[] segments)
    {
        var regex = new StringBuilder(@"\A");
        for (var i = 0; i < segments.Length; i++)
        {
            var last = i == segments.Length - 1;
            if (segments[i] == "**")
                regex.Append(last ? @"(?:[^./][^/]*/)*[^./][^/]*" : @"(?:[^./][^/]*/)*");
            else
                regex.Append(SegmentToRegex(segments[i])).Append(last ? "" : "/");
        }

        return regex.Append(@"\z").ToString();
    }

    private static string SegmentToRegex(string segment)
    {
        var regex = new StringBuilder();
        for (var i = 0; i < segment.Length; i++)
        {
            var close = segment.IndexOf(']', Math.Min(i + 2, segment.Length));
            if (segment[i] == '*')
                regex.Append(i > 0 ? "[^/]*" : segment.Length == 1 ? "[^./][^/]*" : "(?:[^./][^/]*)?");
            else if (segment[i] == '?')
                regex.Append(i == 0 ? "[^./]" : "[^/]");
            else if (segment[i] == '[' && close > 0)
            {
                regex.Append(SetToRegex(segment[(i + 1)..close]));
                i = close;
            }
            else
                regex.Append(Regex.Escape(segment[i].ToString()));
        }

        return regex.ToString();
    }

    private static string SetToRegex(string set)
    {
        var negated = set[0] == '!';
        var members = (negated ? set[1..] : set)
            .Replace(@"\", @"\\", StringComparison.Ordinal)
            .Replace("[", @"\[", StringComparison.Ordinal)
            .Replace("^", @"\^", StringComparison.Ordinal);
        return negated ? $"[^/{members}]" : $"[{members}]";
    }
}

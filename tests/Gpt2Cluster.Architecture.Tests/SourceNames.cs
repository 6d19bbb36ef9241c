using System.Text.RegularExpressions;

namespace Gpt2Cluster.Architecture.Tests;

/// <summary>The types and members that the source declares, as a reader finds them: by their text.</summary>
internal static partial class SourceNames
{
    // The tests of pages name what is not there.
    private static readonly Dictionary<string, string> Texts = Repository.SourceFiles
        .Where(file => !file.EndsWith("/DocumentationTests.cs", StringComparison.Ordinal))
        .ToDictionary(file => file, WithoutComments);

    private static readonly ILookup<string, string> Declarations = Texts
        .SelectMany(file => Declaration().Matches(file.Value), (file, match) => (Type: match.Groups[1].Value, file.Key))
        .ToLookup(found => found.Type, found => found.Key);

    private static readonly HashSet<string> Words =
        [.. Texts.Values.SelectMany(text => Word().Matches(text).Select(match => match.Value))];

    /// <summary>
    /// Whether a name is written like a type's or a member's: <c>WorkerStep</c>, <c>WorkerStep.Run</c>.
    /// </summary>
    public static bool IsName(string code) => Name().IsMatch(code);

    /// <summary>
    /// Whether a type of that name is declared, and the member that follows it in one of that type's files.
    /// </summary>
    public static bool IsDeclared(string name)
    {
        var parts = Bare(name).Split('.');
        return Declarations[parts[0]].Any(file =>
            parts.Length == 1 || Regex.IsMatch(Texts[file], $@"(?<![.\w]){parts[1]}\b"));
    }

    /// <summary>Whether the code uses the name, declared here or by a library; members of our types are ours.</summary>
    public static bool IsUsed(string name)
    {
        var parts = Bare(name).Split('.');
        return parts.Length > 1 && Declarations.Contains(parts[0]) ? IsDeclared(name) : parts.All(Words.Contains);
    }

    /// <summary>The files that declare a type.</summary>
    public static IEnumerable<string> FilesOf(string type) => Declarations[type];

    private static string WithoutComments(string file) => string.Join('\n', Repository.Lines(file)
        .Where(line => !line.TrimStart().StartsWith("//", StringComparison.Ordinal)));

    private static string Bare(string name) => name.Split('(')[0];

    [GeneratedRegex(@"^[A-Z]\w*[a-z]\w*(\.[A-Z]\w+)*(\([\w, ]*\))?$")]
    private static partial Regex Name();

    [GeneratedRegex(@"\b(?:class|struct|interface|enum|record(?: struct)?) ([A-Z]\w*)")]
    private static partial Regex Declaration();

    [GeneratedRegex(@"\b[A-Za-z_]\w*\b")]
    private static partial Regex Word();
}

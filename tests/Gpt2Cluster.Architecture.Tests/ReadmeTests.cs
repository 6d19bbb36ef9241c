using System.Text.RegularExpressions;

namespace Gpt2Cluster.Architecture.Tests;

/// <summary>The README's tree and commands are checked against the repository, so they cannot drift.</summary>
public sealed partial class ReadmeTests
{
    private static readonly string Readme = File.ReadAllText(Path.Combine(Repository.Root, "README.md"));

    [Fact]
    public void Every_line_of_the_tree_exists() =>
        Assert.Empty(TreePaths().Where(path => !Exists(path)));

    [Fact]
    public void Every_project_and_root_file_is_in_the_tree()
    {
        var paths = TreePaths().ToHashSet(StringComparer.Ordinal);
        var wanted = Directory.EnumerateFiles(Repository.Root, "*.csproj", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(Repository.Root, Path.GetDirectoryName(path)!))
            .Select(path => path.Replace('\\', '/') + "/")
            .Where(path => !path.StartsWith("tests/", StringComparison.Ordinal))
            .Concat(["tests/", "deploy/", "docs/", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE"]);
        Assert.Empty(wanted.Where(path => !paths.Contains(path)));
    }

    [Fact]
    public void The_first_two_commands_are_the_promised_ones()
    {
        Assert.Contains(
            "dotnet run -c Release --project client -- "
            + "train deploy/quickstart/verses.txt --model scratch:tiny --silos 2",
            Readme, StringComparison.Ordinal);
        Assert.Contains("dotnet test -c Release", Readme, StringComparison.Ordinal);
    }

    /// <summary>
    /// Lines of the block that begins with <c>Gpt2Cluster/</c>, as paths: two spaces of indentation a level.
    /// </summary>
    private static IEnumerable<string> TreePaths()
    {
        var block = TreeBlock().Match(Readme).Groups[1].Value;
        Assert.False(string.IsNullOrEmpty(block), "README.md has no tree that begins with Gpt2Cluster/.");
        var folders = new List<string>();
        foreach (var line in block.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var name = line.TrimStart().Split(' ')[0];
            var level = ((line.Length - line.TrimStart().Length) / 2) - 1;
            folders.RemoveRange(level, folders.Count - level);
            yield return string.Concat(folders) + name;
            folders.Add(name.EndsWith('/') ? name : "");
        }
    }

    private static bool Exists(string path) =>
        path.EndsWith('/')
            ? Directory.Exists(Path.Combine(Repository.Root, path))
            : File.Exists(Path.Combine(Repository.Root, path));

    [GeneratedRegex(@"```text\nGpt2Cluster/\n((?:.+\n)+?)```")]
    private static partial Regex TreeBlock();
}

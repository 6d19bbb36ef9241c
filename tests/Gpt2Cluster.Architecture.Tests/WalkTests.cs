using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;

namespace Gpt2Cluster.Architecture.Tests;

/// <summary>The walks in <c>docs/walks</c> name methods that there are, and are no longer than they may be.</summary>
public sealed partial class WalkTests
{
    private static readonly string[] Projects = ["Core", "Data", "Compute", "Exchange", "Contracts", "Grains", "Silo"];

    private static string Folder => Path.Combine(Repository.Root, "docs", "walks");

    public static TheoryData<string> Walks { get; } =
        [.. Directory.GetFiles(Folder, "*.md").Select(file => Path.GetFileName(file))];

    [Theory]
    [MemberData(nameof(Walks))]
    public void Each_method_of_a_walk_is_in_the_code(string walk)
    {
        var types = Projects.SelectMany(project => Assembly.Load($"Gpt2Cluster.{project}").GetTypes())
            .ToLookup(type => type.Name.Split('`')[0]);
        var text = File.ReadAllText(Path.Combine(Folder, walk));
        var names = Method().Matches(text).Select(match => (Type: match.Groups[1].Value, Name: match.Groups[2].Value));
        Assert.NotEmpty(names);
        Assert.Empty(names.Where(method => !types[method.Type].Any(type => Has(type, method.Name))));
    }

    [Theory]
    [InlineData("gradient.md", "A stripe that this silo reduces", 22)]
    [InlineData("gradient.md", "A stripe of another silo", 40)]
    [InlineData("window.md", "From a file to a micro-batch", 35)]
    public void A_walk_counts_its_methods_and_has_not_more_than_it_may(string walk, string title, int most)
    {
        var text = File.ReadAllText(Path.Combine(Folder, walk));
        var section = text.Split("\n## ").Single(part => part.StartsWith(title, StringComparison.Ordinal));
        var said = int.Parse(Said().Match(section).Groups[1].Value, CultureInfo.InvariantCulture);
        var numbers = Numbered().Matches(section).Select(match => match.Groups[1].Value);
        Assert.Equal(Enumerable.Range(1, said).Select(number => $"{number}"), numbers);
        var methods = Numbered().Matches(section).Select(match => match.Groups[2].Value);
        Assert.Equal(methods.Distinct(), methods);
        Assert.InRange(said, 1, most);
    }

    private static bool Has(Type type, string method) => type.GetMember(
        method,
        MemberTypes.Method,
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static).Length > 0;

    [GeneratedRegex(@"`([A-Z]\w*)\.([A-Z]\w*)`")]
    private static partial Regex Method();

    [GeneratedRegex(@"\A[^\n]*: (\d+) methods\n")]
    private static partial Regex Said();

    [GeneratedRegex(@"^(\d+)\. `(\w+\.\w+)`", RegexOptions.Multiline)]
    private static partial Regex Numbered();
}

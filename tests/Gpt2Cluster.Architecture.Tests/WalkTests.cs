using System.Reflection;
using System.Text.RegularExpressions;

namespace Gpt2Cluster.Architecture.Tests;

/// <summary>The walks in <c>docs/walks</c> name methods that there are.</summary>
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

    private static bool Has(Type type, string method) => type.GetMember(
        method,
        MemberTypes.Method,
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static).Length > 0;

    [GeneratedRegex(@"`([A-Z]\w*)\.([A-Z]\w*)`")]
    private static partial Regex Method();
}

using ArchUnitNET.Fluent;
using ArchUnitNET.Loader;
using static ArchUnitNET.Fluent.ArchRuleDefinition;

namespace Gpt2Cluster.Architecture.Tests;

/// <summary>
/// Holds the arrows: Core below everything, grains without torch or sockets, the client without torch.
/// </summary>
public sealed class DependencyTests
{
    private static readonly string[] Projects =
        ["Core", "Data", "Compute", "Exchange", "Contracts", "Grains", "Silo", "Client"];

    private static readonly Dictionary<string, System.Reflection.Assembly> Assemblies = Projects.ToDictionary(
        project => project, project => System.Reflection.Assembly.Load($"Gpt2Cluster.{project}"));

    private static readonly ArchUnitNET.Domain.Architecture Architecture =
        new ArchLoader().LoadAssemblies([.. Assemblies.Values]).Build();

    /// <summary>What each project may use of ours; everything else is refused.</summary>
    public static TheoryData<string, string[]> Arrows => new()
    {
        { "Core", [] },
        { "Data", ["Core"] },
        { "Compute", ["Core"] },
        { "Exchange", ["Core"] },
        { "Contracts", ["Core"] },
        { "Grains", ["Contracts", "Core", "Data"] },
        { "Client", ["Contracts", "Core", "Data"] },
    };

    [Theory]
    [MemberData(nameof(Arrows))]
    public void A_project_depends_on_its_arrows_only(string project, string[] allowed)
    {
        foreach (var other in Projects.Except(allowed).Where(name => name != project))
        {
            Types().That().ResideInAssembly(Assemblies[project])
                .Should().NotDependOnAny(Types().That().ResideInAssembly(Assemblies[other]))
                .WithoutRequiringPositiveResults()
                .AssertHolds(Architecture);
        }
    }

    /// <summary>What each room of Data may use of the others.</summary>
    public static TheoryData<string, string[]> Rooms => new()
    {
        { "Uploads", ["Models", "Sources", "Tokens"] },
        { "Inspection", ["Datasets", "Sources", "Storage", "Tokens"] },
        { "Datasets", ["Sources", "Storage", "Tokens"] },
        { "Sources", ["Tokens"] },
        { "Models", ["Storage", "Tokens"] },
        { "Tokens", [] },
        { "Storage", [] },
    };

    [Theory]
    [MemberData(nameof(Rooms))]
    public void A_room_of_Data_depends_on_its_arrows_only(string room, string[] allowed)
    {
        foreach (var other in Rooms.Select(row => row.Data.Item1).Except(allowed).Where(name => name != room))
        {
            Types().That().ResideInNamespaceMatching(Namespace(room))
                .Should().NotDependOnAny(Types().That().ResideInNamespaceMatching(Namespace(other)))
                .AssertHolds(Architecture);
        }

        static string Namespace(string room) => $@"^Gpt2Cluster\.Data\.{room}(\..*)?$";
    }

    private const string AttributesOfWhatTravels = "Orleans.Serialization.Abstractions";

    /// <summary>
    /// Packages by the beginning of their assembly's name, and who must never see them. Core marks what travels; the
    /// code that carries it is made in Contracts.
    /// </summary>
    [Theory]
    [InlineData("Core", "Orleans", "TorchSharp", "Microsoft.ML", "System.Net.Sockets", "System.IO.FileSystem")]
    [InlineData("Data", "Orleans", "TorchSharp")]
    [InlineData("Compute", "Orleans", "Microsoft.ML")]
    [InlineData("Exchange", "Orleans", "TorchSharp")]
    [InlineData("Contracts", "TorchSharp", "StackExchange.Redis")]
    [InlineData("Grains", "TorchSharp", "StackExchange.Redis", "Microsoft.AspNetCore")]
    [InlineData("Client", "TorchSharp", "Orleans.Runtime", "Garnet", "Microsoft.AspNetCore.Server")]
    public void A_project_stays_clear_of_packages(string project, params string[] forbidden)
    {
        var references = Assemblies[project].GetReferencedAssemblies().Select(name => name.Name!).ToList();
        var found = references.Where(name => forbidden.Any(prefix =>
            name.Equals(prefix, StringComparison.Ordinal) || name.StartsWith(prefix + ".", StringComparison.Ordinal)));
        Assert.Equal(project == "Core" ? [AttributesOfWhatTravels] : [], found);
    }

    [Fact]
    public void The_clients_folder_holds_no_torch()
    {
        var torch = Directory.EnumerateFiles(AppContext.BaseDirectory, "Gpt2Cluster.Client.deps.json")
            .Select(File.ReadAllText)
            .Where(text => text.Contains("TorchSharp", StringComparison.Ordinal));
        Assert.Empty(torch);
    }
}

file static class RuleAssertion
{
    public static void AssertHolds(this IArchRule rule, ArchUnitNET.Domain.Architecture architecture)
    {
        var broken = rule.Evaluate(architecture).Where(result => !result.Passed).Select(result => result.Description);
        Assert.Empty(broken);
    }
}

using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Text.RegularExpressions;
using ArchUnitNET.Fluent.Syntax.Elements.Types;
using ArchUnitNET.Loader;
using static ArchUnitNET.Fluent.ArchRuleDefinition;

namespace Gpt2Cluster.Architecture.Tests;

/// <summary>
/// Holds the arrows: Core below everything, grains without torch or sockets, the client without torch.
/// </summary>
public sealed partial class DependencyTests
{
    private static readonly string[] Projects =
        ["Core", "Data", "Compute", "Exchange", "Contracts", "Grains", "Silo", "LocalCluster", "Client"];

    private static readonly Dictionary<string, System.Reflection.Assembly> Assemblies = Projects.ToDictionary(
        project => project, project => System.Reflection.Assembly.Load($"Gpt2Cluster.{project}"));

    /// <summary>The product's assemblies.</summary>
    internal static IReadOnlyCollection<System.Reflection.Assembly> Ours => Assemblies.Values;

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
        { "LocalCluster", ["Core"] },
        { "Client", ["Contracts", "Core", "Data", "LocalCluster"] },
    };

    [Theory]
    [MemberData(nameof(Arrows))]
    public void A_project_depends_on_its_arrows_only(string project, string[] allowed) => Assert.Empty(
        Projects.Except(allowed).Where(other => other != project && Depends(project, other)));

    /// <summary>An arrow that nobody needs goes; and whoever needs one shows that it would be seen.</summary>
    [Theory]
    [MemberData(nameof(Arrows))]
    public void A_project_depends_on_each_of_its_arrows(string project, string[] allowed) =>
        Assert.Empty(allowed.Where(other => !Depends(project, other)));

    /// <summary>What each room of Data may use of the others.</summary>
    public static TheoryData<string, string[]> Rooms => new()
    {
        { "Uploads", ["Models", "Sources", "Tokens"] },
        { "Inspection", ["Datasets", "Sources", "Storage", "Tokens"] },
        { "Datasets", ["Sources", "Storage", "Tokens"] },
        { "Sources", [] },
        { "Models", ["Storage", "Tokens"] },
        { "Tokens", [] },
        { "Storage", [] },
    };

    [Theory]
    [MemberData(nameof(Rooms))]
    public void A_room_of_Data_depends_on_its_arrows_only(string room, string[] allowed) => Assert.Empty(
        Rooms.Select(row => row.Data.Item1).Except(allowed).Where(other => other != room && RoomDepends(room, other)));

    [Theory]
    [MemberData(nameof(Rooms))]
    public void A_room_of_Data_depends_on_each_of_its_arrows(string room, string[] allowed) =>
        Assert.Empty(allowed.Where(other => !RoomDepends(room, other)));

    private const string AttributesOfWhatTravels = "Orleans.Serialization.Abstractions";

    /// <summary>
    /// Packages by the beginning of their assembly's name, and who must never see them. Core marks what travels; the
    /// code that carries it is made in Contracts.
    /// </summary>
    public static TheoryData<string, string[]> Forbidden => new()
    {
        { "Core", ["Orleans", "TorchSharp", "Microsoft.ML", "System.Net.Sockets"] },
        { "Data", ["Orleans", "TorchSharp"] },
        { "Compute", ["Orleans", "Microsoft.ML"] },
        { "Exchange", ["Orleans", "TorchSharp"] },
        { "Contracts", ["TorchSharp", "StackExchange.Redis"] },
        { "Grains", ["TorchSharp", "StackExchange.Redis", "Microsoft.AspNetCore"] },
        { "LocalCluster", ["Orleans", "TorchSharp", "Spectre.Console", "System.CommandLine"] },
        { "Client", ["TorchSharp", "Orleans.Runtime", "Garnet", "Microsoft.AspNetCore"] },
    };

    [Theory]
    [MemberData(nameof(Forbidden))]
    public void A_project_stays_clear_of_packages(string project, string[] forbidden) => Assert.Equal(
        project == "Core" ? [AttributesOfWhatTravels] : [],
        forbidden.SelectMany(prefix => References(project, prefix)));

    /// <summary>A name that no project of ours references forbids nothing.</summary>
    [Theory]
    [MemberData(nameof(Forbidden))]
    public void What_a_project_stays_clear_of_others_use(string project, string[] forbidden) => Assert.Empty(
        forbidden.Where(prefix => !Projects.Any(other => other != project && References(other, prefix).Any())));

    /// <summary>
    /// Core knows no disk, no network and no clock but the one it is given: types of .NET, in whatever assembly.
    /// </summary>
    [Fact]
    public void Core_uses_no_disk_network_or_clock() => Assert.Empty(Outside("Core"));

    [Theory]
    [InlineData("Data", "System.IO.File")]
    [InlineData("LocalCluster", "System.Diagnostics.Process")]
    [InlineData("Exchange", "System.Net.Sockets.Socket")]
    public void Others_show_that_it_would_be_seen(string project, string type) =>
        Assert.Contains(type, Outside(project));

    [Fact]
    public void The_clients_folder_holds_no_torch()
    {
        Assert.DoesNotContain("TorchSharp", PackagesOf("Client"), StringComparison.Ordinal);
        Assert.Contains("TorchSharp", PackagesOf("Silo"), StringComparison.Ordinal);
    }

    private static bool Depends(string project, string other) => Uses(
        Types().That().ResideInAssembly(Assemblies[project]), Types().That().ResideInAssembly(Assemblies[other]));

    private static bool RoomDepends(string room, string other) => Uses(
        Types().That().ResideInNamespaceMatching(RoomNamespace(room)),
        Types().That().ResideInNamespaceMatching(RoomNamespace(other)));

    private static bool Uses(GivenTypesConjunction users, GivenTypesConjunction used)
    {
        Assert.NotEmpty(users.GetObjects(Architecture));
        Assert.NotEmpty(used.GetObjects(Architecture));
        return Types().That().Are(users).Should().NotDependOnAny(used).Evaluate(Architecture)
            .Any(result => !result.Passed);
    }

    private static string RoomNamespace(string room) => $@"^Gpt2Cluster\.Data\.{room}(\..*)?$";

    private static IEnumerable<string> References(string project, string prefix) => Assemblies[project]
        .GetReferencedAssemblies()
        .Select(name => name.Name!)
        .Where(name => name == prefix || name.StartsWith(prefix + ".", StringComparison.Ordinal));

    /// <summary>The types of a project's references that reach out of the process, or for the time.</summary>
    private static IEnumerable<string> Outside(string project)
    {
        using var file = new PEReader(File.OpenRead(Assemblies[project].Location));
        var metadata = file.GetMetadataReader();
        return
        [
            .. metadata.TypeReferences.Select(metadata.GetTypeReference)
                .Select(type => $"{metadata.GetString(type.Namespace)}.{metadata.GetString(type.Name)}")
                .Where(name => ReachesOut().IsMatch(name)),
        ];
    }

    private static string PackagesOf(string project) =>
        File.ReadAllText(Path.Combine(AppContext.BaseDirectory, $"Gpt2Cluster.{project}.deps.json"));

    [GeneratedRegex(
        @"^System\.(IO\.(File|FileInfo|FileStream|Directory|DirectoryInfo|DriveInfo|RandomAccess|FileSystemWatcher)"
            + @"|Net\..*|Diagnostics\.(Process|Stopwatch))$")]
    private static partial Regex ReachesOut();
}

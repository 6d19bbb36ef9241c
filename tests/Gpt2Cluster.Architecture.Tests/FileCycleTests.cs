using System.Text.RegularExpressions;
using ArchUnitNET.Loader;

namespace Gpt2Cluster.Architecture.Tests;

/// <summary>
/// Within a folder no file needs one that needs it, by whatever way around: what is read first can be understood alone.
/// A file needs another one if a type of it uses a type of that one, in a signature or in a body.
/// </summary>
public sealed partial class FileCycleTests
{
    /// <summary>Files that need each other, and why.</summary>
    private static readonly Cycle[] Exceptions =
    [
        new("grains/Gpt2Cluster.Compute/Devices/", "a backend for a processor is chosen where backends are described",
            "CpuBackend.cs", "FusedCpuBackend.cs", "PortableCpuBackend.cs"),
        new("grains/Gpt2Cluster.Compute/Memory/", "a flat tensor knows the memory that made it",
            "DeviceMemory.cs", "FlatTensor.cs"),
        new("grains/Gpt2Cluster.Contracts/Runs/Events/", "JSON's union of events names them, and each is one",
            "RunEvent.cs", "SubmittedEvent.cs", "StepEvent.cs", "ValidationEvent.cs", "SampleEvent.cs",
            "CheckpointEvent.cs", "MembershipEvent.cs", "WarningEvent.cs", "EndEvent.cs"),
        new("grains/Gpt2Cluster.Data/Datasets/", "what is staged is begun and published by its directory",
            "DatasetDirectory.cs", "DatasetStaging.cs"),
        new("grains/Gpt2Cluster.Data/Models/", "a model says which files it has, and they are written from it",
            "IModelReader.cs", "ModelFile.cs", "WeightsStream.cs"),
        new("grains/Gpt2Cluster.Data/Models/HuggingFace/", "a stored model is of the format that opens folders",
            "HuggingFaceFormat.cs", "ModelFolder.cs"),
        new("grains/Gpt2Cluster.Data/Sources/", "a file knows its format, and a format reads files",
            "IDocumentFormat.cs", "SourceFile.cs", "DocumentFormats.cs", "TextFormat.cs", "TextFileReader.cs"),
        new("grains/Gpt2Cluster.Data/Storage/", "a folder is removed by being staged, and staging puts it back",
            "RemovedFolder.cs", "StagedFolder.cs"),
        new("grains/Gpt2Cluster.Data/Tokens/", "parts of one value: what it is read from, its merges, its files",
            "Gpt2Vocabulary.cs", "MergeTable.cs", "VocabularyContent.cs", "VocabularyReader.cs"),
    ];

    private static readonly System.Collections.Concurrent.ConcurrentDictionary<
        string, IReadOnlyList<ArchUnitNET.Domain.IType>> TypesOfAssemblies = new(StringComparer.Ordinal);

    /// <summary>The folders of the product.</summary>
    private static IEnumerable<string> Folders => Repository.SourceFiles
        .Where(file => !file.StartsWith("tests/", StringComparison.Ordinal))
        .Select(file => file[..(file.LastIndexOf('/') + 1)])
        .Distinct();

    [Theory]
    [InlineData("grains/Gpt2Cluster.Core/Runs/", "Gpt2Cluster.Core")]
    [InlineData("grains/Gpt2Cluster.Core/Averaging/", "Gpt2Cluster.Core")]
    [InlineData("grains/Gpt2Cluster.Core/Workers/", "Gpt2Cluster.Core")]
    [InlineData("grains/Gpt2Cluster.Exchange/", "Gpt2Cluster.Exchange")]
    public void No_files_of_a_folder_need_each_other(string folder, string assembly)
    {
        var arrows = Arrows(folder, assembly);
        Assert.NotEmpty(arrows);
        Assert.Empty(OnCycles(arrows));
    }

    /// <summary>
    /// The same of the files that lie in one folder, whatever the folder; <see cref="Exceptions"/> need each other.
    /// </summary>
    [Fact]
    public void No_files_that_lie_together_need_each_other() => Findings.None(
        from folder in Folders
        from arrow in OnCycles(InOneFolder(folder))
        where !Exceptions.Any(one => one.Folder == folder && one.Has(arrow))
        select $"{folder}{arrow.From} and {arrow.To}");

    [Fact]
    public void Every_exception_is_one_still() => Findings.None(
        from one in Exceptions
        let onCycles = OnCycles(InOneFolder(one.Folder)).Where(one.Has).Select(arrow => arrow.From)
        from file in one.Files.Except(onCycles)
        select $"{one.Folder}{file}");

    /// <summary>What a body calls, what a lambda uses and what a phase is made of.</summary>
    [Theory]
    [InlineData("RunMachine.cs", "Activities/NextActivity.cs")]
    [InlineData("Activities/Outstanding.cs", "State/Work.cs")]
    [InlineData("State/RunState.cs", "State/RunPhase.cs")]
    public void Arrows_are_seen(string from, string to) =>
        Assert.Contains((from, to), Arrows("grains/Gpt2Cluster.Core/Runs/", "Gpt2Cluster.Core"));

    [Fact]
    public void Cycles_are_found_and_what_only_leads_to_one_is_none()
    {
        HashSet<(string From, string To)> arrows = [("a", "b"), ("b", "c"), ("c", "b"), ("c", "d"), ("e", "d")];
        Assert.Equal([("b", "c"), ("c", "b")], OnCycles(arrows).Order());
    }

    private static HashSet<(string From, string To)> Arrows(string folder, string assembly)
    {
        var files = Repository.SourceFiles.Where(file => file.StartsWith(folder, StringComparison.Ordinal))
            .SelectMany(file => TypesOf(file).Select(type => (Type: type, File: file[folder.Length..])))
            .DistinctBy(each => each.Type)
            .ToDictionary(each => each.Type, each => each.File);
        var types = TypesOfAssemblies.GetOrAdd(
            assembly,
            name => [.. new ArchLoader().LoadAssemblies(System.Reflection.Assembly.Load(name)).Build().Types]);
        return
        [
            .. from type in types
               let file = FileOf(type.FullName)
               where file is not null
               from dependency in type.Dependencies
               let needed = FileOf(dependency.Target.FullName)
               where needed is not null && needed != file
               select (file, needed),
        ];

        string? FileOf(string name) => files.GetValueOrDefault(Outermost().Match(name).Value);
    }

    private static HashSet<(string From, string To)> InOneFolder(string folder) =>
    [
        .. Arrows(folder, AssemblyOf(folder)).Where(arrow => !arrow.From.Contains('/') && !arrow.To.Contains('/')),
    ];

    private static string AssemblyOf(string folder) => folder.Split('/') switch
    {
        ["grains", var project, ..] => project,
        ["client", "Gpt2Cluster.LocalCluster", ..] => "Gpt2Cluster.LocalCluster",
        ["client", ..] => "Gpt2Cluster.Client",
        _ => "Gpt2Cluster.Silo",
    };

    /// <summary>The full names of the types that a file declares, nested ones left out.</summary>
    private static IEnumerable<string> TypesOf(string file)
    {
        var text = File.ReadAllText(Path.Combine(Repository.Root, file));
        var space = Namespace().Match(text).Groups[1].Value;
        return TypeDeclaration().Matches(text).Select(match => $"{space}.{match.Groups[1].Value}");
    }

    /// <summary>Arrows from whose end a way leads back to their beginning.</summary>
    private static IEnumerable<(string From, string To)> OnCycles(IReadOnlySet<(string From, string To)> arrows)
    {
        var next = arrows.ToLookup(arrow => arrow.From, arrow => arrow.To);
        return arrows.Where(arrow => Reached(arrow.To).Contains(arrow.From));

        HashSet<string> Reached(string from)
        {
            var (reached, open) = (new HashSet<string> { from }, new Stack<string>([from]));
            while (open.TryPop(out var file))
            {
                foreach (var other in next[file].Where(reached.Add))
                    open.Push(other);
            }

            return reached;
        }
    }

    [GeneratedRegex(@"^[^+/`<]+")]
    private static partial Regex Outermost();

    [GeneratedRegex(@"^namespace ([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex Namespace();

    [GeneratedRegex(
        @"^(?:(?:public|internal|file|abstract|sealed|static|readonly|partial|ref) )*"
            + @"(?:class|struct|interface|enum|record(?: struct)?) (\w+)",
        RegexOptions.Multiline)]
    private static partial Regex TypeDeclaration();

    /// <summary>Files of one folder that need each other.</summary>
    private sealed record Cycle(string Folder, string Why, params string[] Files)
    {
        public bool Has((string From, string To) arrow) => Files.Contains(arrow.From) && Files.Contains(arrow.To);
    }
}

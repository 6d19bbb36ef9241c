using System.Text.RegularExpressions;
using ArchUnitNET.Loader;

namespace Gpt2Cluster.Architecture.Tests;

/// <summary>
/// Within a folder no file needs one that needs it, by whatever way around: what is read first can be understood alone.
/// A file needs another one if a type of it uses a type of that one, in a signature or in a body.
/// </summary>
public sealed partial class FileCycleTests
{
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
        var types = new ArchLoader().LoadAssemblies(System.Reflection.Assembly.Load(assembly)).Build().Types;
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
}

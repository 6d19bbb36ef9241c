using System.Reflection;
using System.Text.RegularExpressions;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Runs.State;

namespace Gpt2Cluster.Architecture.Tests;

/// <summary>docs/run-phases.md draws the phases of a run as the code has them, neither more nor less.</summary>
public sealed partial class RunPhasesTests
{
    private static readonly Type Transition =
        typeof(RunMachine).Assembly.GetType("Gpt2Cluster.Core.Runs.Activities.Transition", throwOnError: true)!;

    [Fact]
    public void The_picture_has_the_arrows_of_the_code()
    {
        var arrows = (IEnumerable<(Type From, Type To)>)Transition.GetProperty("Arrows")!.GetValue(null)!;
        Assert.Equal(
            arrows.Select(arrow => $"{arrow.From.Name} --> {arrow.To.Name}").Order(StringComparer.Ordinal),
            Drawn().Select(arrow => $"{arrow.From} --> {arrow.To}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_phase_is_drawn() => Assert.Equal(
        typeof(RunPhase).GetNestedTypes().Where(type => !type.IsAbstract).Select(type => type.Name)
            .Order(StringComparer.Ordinal),
        Drawn().SelectMany(arrow => new[] { arrow.From, arrow.To }).Distinct().Order(StringComparer.Ordinal));

    [Fact]
    public void Every_arrow_has_the_name_of_the_method_that_takes_it()
    {
        Assert.Empty(Drawn().Where(arrow => arrow.Method != "Become" + arrow.To));
        var methods = Transition.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly)
            .Select(method => method.Name).Where(name => name.StartsWith("Become", StringComparison.Ordinal));
        Assert.Equal(
            methods.Order(StringComparer.Ordinal),
            Drawn().Select(arrow => arrow.Method).Distinct().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Nothing_else_sets_the_phase()
    {
        var setting = Repository.SourceFiles
            .Where(file => file.StartsWith("grains/", StringComparison.Ordinal))
            .Where(file => Repository.Lines(file).Any(line => SetsPhase().IsMatch(line)));
        Assert.Equal(["grains/Gpt2Cluster.Core/Runs/Activities/Transition.cs"], setting);
    }

    /// <summary>The arrows of the picture; one from a frame is one from each phase within.</summary>
    private static List<(string From, string To, string Method)> Drawn()
    {
        var text = File.ReadAllText(Path.Combine(Repository.Root, "docs/run-phases.md"));
        var frames = Frame().Matches(text).ToDictionary(
            match => match.Groups[1].Value,
            match => Arrow().Matches(match.Groups[2].Value).Select(arrow => arrow.Groups[1].Value).Distinct().ToList());
        return
        [
            .. from arrow in Arrow().Matches(text)
               let name = arrow.Groups[1].Value
               from phase in frames.GetValueOrDefault(name, [name])
               select (phase, arrow.Groups[2].Value, arrow.Groups[3].Value),
        ];
    }

    [GeneratedRegex(@"^ *(\w+) --> (\w+) : (\w+)$", RegexOptions.Multiline)]
    private static partial Regex Arrow();

    [GeneratedRegex(@"^ *state (\w+) \{\n(.*?)^ *\}$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Frame();

    [GeneratedRegex(@"\bPhase = ")]
    private static partial Regex SetsPhase();
}

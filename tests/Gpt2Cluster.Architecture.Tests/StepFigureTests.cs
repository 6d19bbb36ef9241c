using System.Text.RegularExpressions;

namespace Gpt2Cluster.Architecture.Tests;

/// <summary>
/// The figures of a step are named in three types: what a worker reports, what the coordinator makes of that, and the
/// event of the outside promise. Metrics and the client hold one of these whole.
/// </summary>
public sealed partial class StepFigureTests
{
    [Fact]
    public void The_figures_of_a_step_are_members_of_three_types()
    {
        var files = from file in Repository.SourceFiles
                    where file.Split('/')[0] is "client" or "grains" or "silo"
                    let text = File.ReadAllText(Path.Combine(Repository.Root, file))
                    from figure in Figure().Matches(text).Select(match => match.Groups[1].Value)
                    select (Figure: figure, File: Path.GetFileName(file));
        Assert.Equal(
            [
                ("ExposedExchange", "CoordinatorInput.cs"), ("ExposedExchange", "RunNotice.cs"),
                ("ExposedExchangeSeconds", "StepEvent.cs"),
                ("GradientNorm", "CoordinatorInput.cs"), ("GradientNorm", "RunNotice.cs"),
                ("GradientNorm", "StepEvent.cs"),
            ],
            files.Order());
    }

    /// <summary>A property, or a parameter of a record, of two figures that all three have.</summary>
    [GeneratedRegex(@"(?:double|TimeSpan\??) (GradientNorm|ExposedExchange(?:Seconds)?)(?: \{| =|,|\))")]
    private static partial Regex Figure();
}

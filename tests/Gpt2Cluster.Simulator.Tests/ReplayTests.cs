using Gpt2Cluster.Simulator.Schedules;

namespace Gpt2Cluster.Simulator.Tests;

/// <summary>A seed says everything about its schedule.</summary>
public sealed class ReplayTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(115)]
    [InlineData(716)]
    [InlineData(4718)]
    [InlineData(4812)]
    public void A_seed_replays_to_the_same_trace(ulong seed)
    {
        var trace = Trace(seed);
        Assert.True(trace.Length > 1000, trace);
        Assert.Equal(trace, Trace(seed));
    }

    [Fact]
    public void Another_seed_is_another_schedule() => Assert.NotEqual(Trace(1), Trace(2));

    private static string Trace(ulong seed)
    {
        using var lines = new StringWriter();
        Simulation.Run(seed, Mutant.None, lines);
        return lines.ToString();
    }
}

using Gpt2Cluster.Simulator.Schedules;

namespace Gpt2Cluster.Simulator.Tests;

/// <summary>The simulator finds mistakes: each of these is made on purpose, and soon shows.</summary>
public sealed class MutantTests
{
    /// <summary>
    /// Within so many schedules each of them is found. The rarest shows once in about a thousand, so those begin at a
    /// seed from which it is not far.
    /// </summary>
    private const ulong MaxSchedules = 300;

    [Theory]
    [InlineData(nameof(Mutant.EtagIgnored), 0)]
    [InlineData(nameof(Mutant.EventsUnfenced), 0)]
    [InlineData(nameof(Mutant.OldPlanReported), 0)]
    [InlineData(nameof(Mutant.RunningSum), 0)]
    [InlineData(nameof(Mutant.BreaksSilently), 1000)]
    [InlineData(nameof(Mutant.CopyUnchecked), 0)]
    [InlineData(nameof(Mutant.PublishedBeforeFlushed), 2900)]
    [InlineData(nameof(Mutant.CheckpointUnverified), 0)]
    [InlineData(nameof(Mutant.KeptDeleted), 0)]
    [InlineData(nameof(Mutant.HalfAnUpdateKept), 0)]
    public void A_mistake_is_found(string name, ulong first)
    {
        var mutant = Enum.Parse<Mutant>(name);
        for (var seed = first; seed < first + MaxSchedules; seed++)
        {
            if (Simulation.Run(seed, mutant).Broken is null)
                continue;
            Assert.Null(Simulation.Run(seed).Broken);
            return;
        }

        Assert.Fail($"{name} was not found within {MaxSchedules} schedules.");
    }
}

using Gpt2Cluster.Simulator.CommandLine;
using Gpt2Cluster.Simulator.Schedules;

namespace Gpt2Cluster.Simulator.Tests;

/// <summary>
/// The schedules of every build: 2,000 seeds, always the same. <c>dotnet run --project tests/Gpt2Cluster.Simulator</c>
/// runs others, as many as are wanted.
/// </summary>
public sealed class ScheduleTests
{
    private const int BlockLength = 100;

    /// <summary>The first seeds of the blocks.</summary>
    public static TheoryData<ulong> Blocks { get; } =
        [.. Enumerable.Range(0, 20).Select(block => (ulong)block * BlockLength)];

    [Theory]
    [MemberData(nameof(Blocks))]
    public void Every_schedule_ends_in_the_undisturbed_hash_or_in_a_named_stop(ulong first)
    {
        for (var seed = first; seed < first + BlockLength; seed++)
        {
            var outcome = Simulation.Run(seed);
            Assert.True(outcome.Broken is null, $"{outcome.Broken}\n{Campaign.ReplayCommand(seed, Mutant.None)}");
        }
    }

    [Fact]
    public void The_schedules_of_every_build_hold_every_fault_and_every_end()
    {
        var (tally, ends) = (new Tally(), new HashSet<string>());
        for (var seed = 0UL; seed < 400; seed++)
        {
            var outcome = Simulation.Run(seed);
            tally.Add(outcome.Tally);
            ends.Add(outcome.End);
        }

        Assert.Empty(Enum.GetValues<Fault>().Where(fault => tally[fault] == 0));
        Assert.Equal(["cancelled", "completed", "early_stopped", "failed"], ends.Order());
    }
}

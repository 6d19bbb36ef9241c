using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Faults.Faults;
using Gpt2Cluster.Faults.Processes;
using Gpt2Cluster.Faults.Training;

namespace Gpt2Cluster.Faults.Tests;

/// <summary>What is read out of the sightings is what happened.</summary>
public sealed class AftermathTests
{
    private const int Coordinator = 1;
    private const int Dead = 2;
    private const int NewLife = 3;

    private readonly List<Sighting> heard = [];

    /// <summary>Steps 1 to 4 take a second each; then a worker dies half a second into step 5.</summary>
    public AftermathTests()
    {
        for (var step = 1; step <= 4; step++)
        {
            Plan(step - 1, step);
            Begin(step - 1, step, Coordinator, RunPlan.MicroBatchCount);
            Hear(step, Coordinator, FaultPoint.Committed, step);
        }

        Plan(4, 5);
        Begin(4.1, 5, Dead, 3);
        Begin(4.1, 5, Coordinator, 7);
    }

    [Fact]
    public void A_step_that_goes_on_without_the_dead_costs_the_time_until_its_commit_and_the_deads_micro_batches()
    {
        Plan(7, 5);
        Begin(7, 5, Coordinator, 3);
        Hear(7.5, Coordinator, FaultPoint.Committed, 5);
        var aftermath = new Aftermath(heard, Seconds(4.5));
        Assert.Equal(4, aftermath.LastCommitted);
        Assert.Equal(Seconds(1), aftermath.NormalStepTime);
        Assert.Equal(Seconds(3), aftermath.LongestGap(Seconds(7.5)));
        Assert.Equal((3, 3), aftermath.Again(Seconds(7.5), [Coordinator]));
        Assert.Equal(0, aftermath.LostSteps(Seconds(7.5)));
    }

    [Fact]
    public void Steps_that_went_with_all_replicas_are_counted_with_their_micro_batches()
    {
        foreach (var (at, step) in new[] { (10, 3), (11, 4), (12, 5) })
        {
            Hear(at, NewLife, FaultPoint.Planning, step);
            Begin(at, step, NewLife, RunPlan.MicroBatchCount);
            Hear(at + 1, NewLife, FaultPoint.Committed, Math.Max(step, 4));
        }

        var aftermath = new Aftermath(heard, Seconds(4.5));
        Assert.Equal(2, aftermath.LostSteps(Seconds(13)));
        Assert.Equal(Seconds(8.5), aftermath.LongestGap(Seconds(13)));
        Assert.Equal((3 * RunPlan.MicroBatchCount, RunPlan.MicroBatchCount), aftermath.Again(Seconds(13), [NewLife]));
    }

    [Fact]
    public void A_step_that_is_committed_after_the_fault_and_planned_again_is_lost()
    {
        Hear(4.6, Coordinator, FaultPoint.Committed, 5);
        Hear(9, NewLife, FaultPoint.Planning, 5);
        Hear(10, NewLife, FaultPoint.Planning, 6);
        Hear(11, NewLife, FaultPoint.Committed, 6);
        var aftermath = new Aftermath(heard, Seconds(4.5));
        Assert.Equal(1, aftermath.LostSteps(Seconds(11)));
        Assert.Equal(Seconds(6.4), aftermath.LongestGap(Seconds(11)));
    }

    [Fact]
    public void A_thread_that_stands_still_is_heard_twice_and_counted_once()
    {
        heard.Add(new Sighting(Seconds(4.2), "a", Dead, FaultPoint.Forward, 5, IsStopped: true));
        Assert.Equal((0, 0), new Aftermath(heard, Seconds(4.5)).Again(Seconds(8), [Coordinator]));
    }

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    private void Plan(double at, long step) => Hear(at, Coordinator, FaultPoint.Planning, step);

    private void Begin(double at, long step, int process, int count)
    {
        for (var index = 0; index < count; index++)
            Hear(at, process, FaultPoint.Forward, step);
    }

    private void Hear(double at, int process, FaultPoint point, long step) =>
        heard.Add(new Sighting(Seconds(at), "a", process, point, step, IsStopped: false));
}

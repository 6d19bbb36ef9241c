using Gpt2Cluster.Contracts.Workers;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Grains.Checkpoints;
using Gpt2Cluster.Grains.Tests.Workers;

namespace Gpt2Cluster.Grains.Tests.Checkpoints;

public sealed class CheckpointWriterTests
{
    private static readonly ModelShape Shape = new(300, 16, 8, 2, 2);
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task While_a_disk_hangs_the_next_checkpoint_fails_at_once_and_is_none_of_its_own()
    {
        using var stored = new StoredRuns("a");
        using var replica = new FakeReplica(Shape);
        using var writer = new CheckpointWriter(stored.Store, Specifications.Small(Shape), TimeProvider.System);
        using var disk = new ManualResetEventSlim();
        writer.Write(replica, Plan(3), _ => disk.Wait(Bound));

        var second = Outcome();
        writer.Write(replica, Plan(4), second.SetResult);
        Assert.True(second.Task.IsCompleted);
        Assert.True((await second.Task).IsBusy);

        disk.Set();
        var third = Outcome();
        writer.Write(replica, Plan(5), third.SetResult);
        Assert.False((await third.Task.WaitAsync(Bound, TestContext.Current.CancellationToken)).IsBusy);
    }

    /// <summary>An exception on the writer's own thread would end the process.</summary>
    [Theory]
    [InlineData("run1", "{ no record")]
    [InlineData("../run1", "{}")]
    public async Task Whatever_goes_wrong_is_a_checkpoint_that_could_not_be_written(string run, string record)
    {
        using var stored = new StoredRuns("a");
        using var replica = new FakeReplica(Shape);
        using var writer = new CheckpointWriter(stored.Store, Specifications.Small(Shape), TimeProvider.System);
        var outcome = Outcome();
        var plan = new CheckpointPlan { Run = run, Generation = 1, Step = 3, RecordJson = record };

        writer.Write(replica, plan, outcome.SetResult);

        Assert.NotEmpty((await outcome.Task.WaitAsync(Bound, TestContext.Current.CancellationToken)).Failure!);
        Assert.Empty(stored.Store.StepsOf("run1"));
    }

    private static CheckpointPlan Plan(long step) =>
        new() { Run = "run1", Generation = 1, Step = step, RecordJson = "{}" };

    private static TaskCompletionSource<CheckpointOutcome> Outcome() =>
        new(TaskCreationOptions.RunContinuationsAsynchronously);
}

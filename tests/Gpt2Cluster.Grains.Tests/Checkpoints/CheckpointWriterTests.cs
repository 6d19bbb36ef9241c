using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Runs;
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
        using var writer = new CheckpointWriter("a/0", stored.Store, TimeProvider.System);
        using var disk = new ManualResetEventSlim();
        writer.Write(replica, Record, StoredRuns.Order(3), _ => disk.Wait(Bound));

        var second = Outcome();
        writer.Write(replica, Record, StoredRuns.Order(4), second.SetResult);
        Assert.True(second.Task.IsCompleted);
        Assert.True(Assert.IsType<CheckpointFailed>(await second.Task).IsBusy);

        disk.Set();
        var third = Outcome();
        writer.Write(replica, Record, StoredRuns.Order(5), third.SetResult);
        Assert.IsType<CheckpointWritten>(await third.Task.WaitAsync(Bound, Cancellation));
    }

    /// <summary>An exception on the writer's own thread would end the process.</summary>
    [Fact]
    public async Task Whatever_goes_wrong_is_a_checkpoint_that_could_not_be_written()
    {
        using var stored = new StoredRuns("a");
        await File.WriteAllTextAsync(Path.Combine(stored.Silo.DataFolder, "runs"), "", Cancellation);
        using var replica = new FakeReplica(Shape);
        using var writer = new CheckpointWriter("a/0", stored.Store, TimeProvider.System);
        var outcome = Outcome();

        writer.Write(replica, Record, StoredRuns.Order(3), outcome.SetResult);

        var failed = Assert.IsType<CheckpointFailed>(await outcome.Task.WaitAsync(Bound, Cancellation));
        Assert.Equal(("a/0", 3, false), (failed.Worker, failed.Step, failed.IsBusy));
        Assert.NotEmpty(failed.Reason);
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static RunRecord Record => new() { Specification = Specifications.Small(Shape) };

    private static TaskCompletionSource<CoordinatorInput> Outcome() =>
        new(TaskCreationOptions.RunContinuationsAsynchronously);
}

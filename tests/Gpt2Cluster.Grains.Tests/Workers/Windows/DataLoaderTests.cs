using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Grains.Workers.Windows;

namespace Gpt2Cluster.Grains.Tests.Workers.Windows;

public sealed class DataLoaderTests
{
    private readonly List<(long Step, int Index)> read = [];

    [Fact]
    public void A_plan_reads_its_range_and_the_same_of_the_next_step()
    {
        var windows = Windows();
        windows.Begin(Plan(5, 1, 3));
        Assert.Equal([(5, 1), (6, 1), (5, 2), (6, 2)], read);
    }

    [Fact]
    public void What_was_fetched_ahead_is_not_read_again()
    {
        var windows = Windows();
        windows.Begin(Plan(5, 0, 1));
        Assert.Equal((5, 0), Of(windows.Take(5, 0, CancellationToken.None)));
        windows.Begin(Plan(6, 0, 1));
        Assert.Equal((6, 0), Of(windows.Take(6, 0, CancellationToken.None)));
        Assert.Equal([(5, 0), (6, 0), (7, 0)], read);
    }

    [Fact]
    public void A_plan_that_is_repeated_reads_nothing_again()
    {
        var windows = Windows();
        windows.Begin(Plan(5, 0, 1));
        windows.Take(5, 0, CancellationToken.None);
        windows.Begin(Plan(5, 0, 1));
        Assert.Equal([(5, 0), (6, 0)], read);
    }

    [Fact]
    public void A_plan_that_goes_on_with_a_step_reads_only_what_is_new()
    {
        var windows = Windows();
        windows.Begin(Plan(5, 0, 2));
        windows.Take(5, 0, CancellationToken.None);
        read.Clear();
        windows.Begin(Plan(5, 0, 2) with { Generation = 2, Ranges = [new(0, 2), new(3, 4)] });
        Assert.Equal([(5, 3), (6, 3)], read);
    }

    [Fact]
    public void A_range_that_moved_is_read_when_it_is_taken()
    {
        var windows = Windows();
        windows.Begin(Plan(5, 0, 1));
        Assert.Equal((5, 3), Of(windows.Take(5, 3, CancellationToken.None)));
    }

    [Fact]
    public void A_read_that_failed_is_tried_again()
    {
        var failures = 1;
        var windows = new DataLoader((step, index) => failures-- > 0
            ? Task.FromException<MicroBatch>(new IOException("gone"))
            : Read(step, index));
        windows.Begin(Plan(1, 0, 1));
        Assert.Equal((1, 0), Of(windows.Take(1, 0, CancellationToken.None)));
    }

    [Fact]
    public void A_read_that_cannot_even_begin_fails_for_whoever_takes_it()
    {
        var windows = new DataLoader((_, _) => throw new OverflowException("too many windows"));
        windows.Begin(Plan(1, 0, 1));
        Assert.Throws<OverflowException>(() => windows.Take(1, 0, CancellationToken.None));
    }

    private static (long Step, int Index) Of(MicroBatch batch) => (batch.Step, batch.Index);

    private static PlanStep Plan(long step, int first, int end) =>
        new("a/0".Worker(), 1, step, [new(first, end)], 0.1, [], IsAlone: false);

    private DataLoader Windows() => new(Read);

    private Task<MicroBatch> Read(long step, int index)
    {
        read.Add((step, index));
        return Task.FromResult(new MicroBatch(step, index, default, 1, 1));
    }
}

using Gpt2Cluster.Grains.Jobs;

namespace Gpt2Cluster.Grains.Tests.Jobs;

public sealed class PingMeterTests
{
    [Fact]
    public async Task It_leaves_out_the_warm_up_and_orders_what_it_counts()
    {
        const int wanted = PingMeter.WarmUpCount + 10;
        var enough = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var count = 0;
        var meter = PingMeter.Start(
            () =>
            {
                if (++count == wanted)
                    enough.SetResult();
                return Task.CompletedTask;
            },
            TimeProvider.System);
        await enough.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        meter.Dispose();
        var times = meter.Times;
        Assert.Equal(count - PingMeter.WarmUpCount, times.Count);
        Assert.Equal(times.Order(), times);
    }

    [Fact]
    public void A_percentile_is_the_nearest_rank()
    {
        TimeSpan[] times = [.. Enumerable.Range(1, 200).Select(each => TimeSpan.FromMilliseconds(each))];
        Assert.Equal(TimeSpan.FromMilliseconds(198), PingMeter.Percentile(times, 0.99));
        Assert.Equal(TimeSpan.FromMilliseconds(100), PingMeter.Percentile(times, 0.5));
        Assert.Equal(TimeSpan.FromMilliseconds(200), PingMeter.Percentile(times, 1));
        Assert.Equal(TimeSpan.Zero, PingMeter.Percentile([], 0.99));
    }
}

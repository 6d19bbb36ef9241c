using Gpt2Cluster.Grains.Workers;

namespace Gpt2Cluster.Grains.Tests.Workers;

public sealed class ComputeThreadTests
{
    [Fact]
    public async Task Reads_of_a_hundred_newcomers_wait_for_one_long_step()
    {
        const int readCount = 100 * 8;
        using var thread = new ComputeThread("test");
        using var step = new ManualResetEventSlim();
        thread.Enqueue(step.Wait);
        var reads = Enumerable.Range(0, readCount).Select(index => thread.Ask(() => index)).ToList();
        Assert.All(reads, read => Assert.False(read.IsCompleted));
        step.Set();
        Assert.Equal(Enumerable.Range(0, readCount), await Task.WhenAll(reads));
    }
}

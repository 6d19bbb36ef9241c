using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Grains.Workers;

namespace Gpt2Cluster.Grains.Tests.Workers;

public sealed class ComputeThreadTests
{
    [Fact]
    public async Task Reads_of_a_hundred_newcomers_wait_for_one_long_step()
    {
        const int readCount = 100 * 8;
        using var thread = new ComputeThread("test", ThreadNiceness.Compute);
        using var step = new ManualResetEventSlim();
        thread.Enqueue(step.Wait);
        var reads = Enumerable.Range(0, readCount).Select(index => thread.Ask(() => index)).ToList();
        Assert.All(reads, read => Assert.False(read.IsCompleted));
        step.Set();
        Assert.Equal(Enumerable.Range(0, readCount), await Task.WhenAll(reads));
    }

    [Theory]
    [InlineData(0, ThreadNiceness.Compute)]
    [InlineData(1, ThreadNiceness.Launching)]
    [InlineData(2, ThreadNiceness.Compute)]
    public async Task A_thread_that_launches_on_a_card_stands_back_for_nobody(int device, int expected)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Niceness of a thread is Linux's.");
        var card = new CardDescription("NVIDIA H200", 9, 0, 132, 1, "GPU-1", 12080, "");
        Device[] devices = [new(0, "cpu", "a processor", 4, true), new(1, "cuda", card.Name, 0, true) { Card = card }];
        using var thread = new ComputeThread("test", ThreadNiceness.Of(devices, device));
        Assert.Equal(expected, await thread.Ask(ThreadNiceness.Get));
    }
}

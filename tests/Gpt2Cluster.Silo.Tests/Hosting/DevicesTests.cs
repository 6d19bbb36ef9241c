using Gpt2Cluster.Core;
using Gpt2Cluster.Silo.Hosting;

namespace Gpt2Cluster.Silo.Tests.Hosting;

public sealed class DevicesTests
{
    [Fact]
    public void A_processor_is_not_divided_among_more_workers_than_it_has_cores()
    {
        var cores = Environment.ProcessorCount;
        var wish = $"cpu:{cores + 1}";
        var message = Assert.Throws<UserErrorException>(() => Devices.Open(wish)).Message;
        Assert.StartsWith($"--devices {wish} is more workers than this machine's {cores} core", message);
        Assert.Contains($"choose cpu:{cores}", message, StringComparison.Ordinal);
    }
}

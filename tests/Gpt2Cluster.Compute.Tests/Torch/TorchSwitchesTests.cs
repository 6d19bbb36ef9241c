using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Torch;

namespace Gpt2Cluster.Compute.Tests.Torch;

/// <summary>The pinned libtorch has the switches, and they take effect.</summary>
[Collection(nameof(MemoryTests))]
public sealed class TorchSwitchesTests
{
    [Fact]
    public void They_are_read_back_as_they_were_thrown()
    {
        if (!OperatingSystem.IsLinux())
            Assert.Skip("A card is used on Linux alone.");
        TorchRuntime.Prepare(1);
        Assert.False(TorchSwitches.IsDeterministic);
        Assert.True(TorchSwitches.SumsBFloat16Narrowly);
        try
        {
            TorchSwitches.Set(isDeterministic: true);
            Assert.True(TorchSwitches.IsDeterministic);
            Assert.False(TorchSwitches.FillsFreshMemory);
            Assert.False(TorchSwitches.UsesCuDnnAttention);
            Assert.False(TorchSwitches.SumsBFloat16Narrowly);
            Assert.False(TorchSwitches.AllowsTf32);
        }
        finally
        {
            TorchSwitches.Set(isDeterministic: false);
        }

        Assert.False(TorchSwitches.IsDeterministic);
        Assert.True(TorchSwitches.UsesCuDnnAttention);
    }
}

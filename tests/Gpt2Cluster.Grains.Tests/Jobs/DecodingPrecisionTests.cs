using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Grains.Jobs;

namespace Gpt2Cluster.Grains.Tests.Jobs;

/// <summary>The words of <c>generate --precision</c>.</summary>
public sealed class DecodingPrecisionTests
{
    private static readonly Device Processor = new(0, DeviceKind.Cpu, "a processor", 2, BFloat16IsFast: true);

    [Fact]
    public void Eight_bits_are_those_of_the_weights_beside_the_better_precision()
    {
        Assert.Equal(new DecodingPrecision(Precision.BFloat16, true), On(Processor).DecodingPrecisionOf("int8"));
        var slow = On(Processor with { BFloat16IsFast = false });
        Assert.Equal(new DecodingPrecision(Precision.Float32, true), slow.DecodingPrecisionOf("int8"));
        Assert.Equal(new DecodingPrecision(Precision.Float32), slow.DecodingPrecisionOf(null));
        Assert.Equal(new DecodingPrecision(Precision.BFloat16), slow.DecodingPrecisionOf("bf16"));
    }

    [Fact]
    public void A_card_says_that_they_are_for_processors()
    {
        var card = On(Processor with { Kind = DeviceKind.Cuda, Name = "NVIDIA H200" });
        var error = Assert.Throws<UserErrorException>(() => card.DecodingPrecisionOf("int8"));
        Assert.Equal(
            "--precision int8 is for processors, and this worker computes on NVIDIA H200, a card; choose bf16 or fp32.",
            error.Message);
        Assert.Equal(new DecodingPrecision(Precision.Float32), card.DecodingPrecisionOf("fp32"));
    }

    [Fact]
    public void Another_word_names_those_that_there_are()
    {
        var error = Assert.Throws<UserErrorException>(() => On(Processor).DecodingPrecisionOf("int4"));
        Assert.Equal("--precision must be int8, bf16 or fp32, not 'int4'.", error.Message);
    }

    /// <summary>A job on a device; the words need nothing else of it.</summary>
    private static JobWork On(Device device) => new(null!, device, "1", new JobEvents(), CancellationToken.None);
}

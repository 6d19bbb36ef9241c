using Gpt2Cluster.Core.Devices;

namespace Gpt2Cluster.Core.Tests.Devices;

public sealed class CudaSightTests
{
    public static TheoryData<CudaSight, string> Absences { get; } = new()
    {
        { CudaSight.Nothing, "This machine has no NVIDIA driver" },
        { new CudaSight { HasDeviceFiles = true }, "libcuda.so.1, does not load here" },
        { new CudaSight { HasDriver = true, StartResult = 100, HasDeviceFiles = true }, "PrivateDevices" },
        { new CudaSight { HasDriver = true, StartResult = 100 }, "finds no card in this machine" },
        { new CudaSight { HasDriver = true, StartResult = 100, VisibleDevices = "" }, "hides every card" },
        { new CudaSight { HasDriver = true, VisibleDevices = "7" }, "CUDA_VISIBLE_DEVICES is '7'" },
        { new CudaSight { HasDriver = true, StartResult = 999 }, "cuInit answers 999" },
        { new CudaSight { HasDriver = true, Cards = [Cards.H200] }, "supports CUDA 12.8" },
    };

    [Theory]
    [MemberData(nameof(Absences))]
    public void Says_why_there_is_no_card_and_what_to_do(CudaSight sight, string part)
    {
        var sentence = sight.Absence();
        Assert.Contains(part, sentence, StringComparison.Ordinal);
        Assert.EndsWith("or start the silo with --devices cpu.", sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void A_build_for_processors_speaks_up_where_a_card_is()
    {
        Assert.Null(CudaSight.Nothing.ProcessorBuildNotice());
        Assert.Null((CudaSight.Nothing with { HasDriver = true }).ProcessorBuildNotice());
        var sight = new CudaSight { HasDriver = true, Cards = [Cards.H200] };
        Assert.StartsWith("This machine has a card (NVIDIA H200) and", sight.ProcessorBuildNotice());
        Assert.StartsWith(
            "This machine has a card and", new CudaSight { HasDeviceFiles = true }.ProcessorBuildNotice());
    }
}

using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Grains.Jobs;

namespace Gpt2Cluster.Grains.Tests.Jobs;

public sealed class CardReportTests
{
    [Fact]
    public void Tells_what_the_card_the_driver_and_the_environment_say()
    {
        var one = new CardDescription("NVIDIA H200", 9, 0, 132, 150, "GPU-1", 12080, "cuDNN 9.8.0");
        var sight = new CudaSight { Cards = [one with { Uuid = "GPU-0" }, one], Peers = [(0, 1), (1, 0)] };
        var reading = new CardReading("GPU-1", "NVIDIA H200")
        {
            DriverVersion = "570.86.15",
            FreeMemoryBytes = 120,
            ThrottleReasons = ["power_cap"],
        };
        var report = CardReport.Of(one, reading, sight, name => name == "NVIDIA_TF32_OVERRIDE" ? "1" : null);
        Assert.Equal(
            """{"name":"NVIDIA H200","uuid":"GPU-1","compute_capability":"9.0","multiprocessors":132,"""
            + """ "memory_bytes":150,"free_memory_bytes":120,"driver":"570.86.15","driver_cuda":"12.8","""[1..]
            + """ "libraries":"cuDNN 9.8.0","pcie_generation":null,"pcie_lanes":null,"mig":false,"""[1..]
            + """ "reads_memory_of":["GPU-0"],"throttled":["power_cap"],"uncorrected_memory_errors":null,"""[1..]
            + """ "environment":{"NVIDIA_TF32_OVERRIDE":"1"}}"""[1..],
            report.ToJsonString());
    }
}

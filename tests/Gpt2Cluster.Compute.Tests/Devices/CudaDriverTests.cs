using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Tests.Support;
using Gpt2Cluster.Core.Devices;

namespace Gpt2Cluster.Compute.Tests.Devices;

/// <summary>The binding is held against a driver made by the C compiler, with the prototypes of cuda.h.</summary>
public sealed class CudaDriverTests
{
    private const string Source =
        """
        #include <stddef.h>
        #include <string.h>
        typedef int CUresult; typedef int CUdevice; typedef struct { char bytes[16]; } CUuuid;
        CUresult cuInit(unsigned int flags) { return flags == 0 ? RESULT : 1; }
        CUresult cuDriverGetVersion(int *version) { *version = 12080; return 0; }
        CUresult cuDeviceGetCount(int *count) { *count = 2; return 0; }
        CUresult cuDeviceGet(CUdevice *device, int ordinal) { *device = ordinal + 40; return 0; }
        CUresult cuDeviceGetName(char *name, int length, CUdevice device) {
          if (length < 12) return 1;
          strcpy(name, device == 40 ? "NVIDIA H200" : "NVIDIA A100 MIG 1g.5gb"); return 0; }
        CUresult cuDeviceGetAttribute(int *value, int attribute, CUdevice device) {
          *value = attribute == 75 ? 9 : attribute == 76 ? 0 : attribute == 16 ? 92 + device : -1; return 0; }
        CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice device) { *bytes = 150000000000ull + device; return 0; }
        CUresult cuDeviceGetUuid_v2(CUuuid *uuid, CUdevice device) {
          for (int i = 0; i < 16; i++) uuid->bytes[i] = device + i; return 0; }
        CUresult cuDeviceCanAccessPeer(int *can, CUdevice one, CUdevice other) {
          *can = one == 40 && other == 41; return 0; }
        """;

    [Fact]
    public void Reads_the_facts_of_every_card()
    {
        var sight = LookWith(startResult: 0);
        Assert.True(sight.HasDriver);
        Assert.Equal(
            new CardDescription(
                "NVIDIA H200", 9, 0, 132, 150_000_000_040, "GPU-28292a2b-2c2d-2e2f-3031-323334353637", 12080, ""),
            sight.Cards[0] with { Libraries = "" });
        Assert.Equal("MIG-292a2b2c-2d2e-2f30-3132-333435363738", sight.Cards[1].Uuid);
        Assert.True(sight.Cards[1].IsMig);
        Assert.Equal([(0, 1)], sight.Peers);
    }

    [Fact]
    public void A_driver_that_does_not_start_shows_no_card()
    {
        var sight = LookWith(startResult: 100);
        Assert.Equal((true, 100, 0), (sight.HasDriver, sight.StartResult, sight.Cards.Count));
    }

    [Fact]
    public void Without_a_driver_there_is_nothing_to_see() =>
        Assert.False(CudaDriver.Look("libcuda-that-is-not-there.so.1").HasDriver);

    private static CudaSight LookWith(int startResult)
    {
        var folder = Directory.CreateTempSubdirectory("cuda-");
        try
        {
            var source = Path.Combine(folder.FullName, "c.c");
            var library = Path.Combine(folder.FullName, "libcuda.so.1");
            File.WriteAllText(source, Source);
            FakeLibrary.Compile(source, library, $"-DRESULT={startResult}");
            return CudaDriver.Look(library);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}

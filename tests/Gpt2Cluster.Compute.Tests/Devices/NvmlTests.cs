using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Tests.Support;

namespace Gpt2Cluster.Compute.Tests.Devices;

/// <summary>The binding is held against a library made by the C compiler, with the prototypes of nvml.h.</summary>
public sealed class NvmlTests
{
    private const string Source =
        """
        #include <string.h>
        typedef struct card *nvmlDevice_t; typedef int nvmlReturn_t;
        typedef struct { unsigned int gpu, memory; } nvmlUtilization_t;
        typedef struct { unsigned long long total, free, used; } nvmlMemory_t;
        nvmlReturn_t nvmlInit_v2(void) { return 0; }
        nvmlReturn_t nvmlSystemGetDriverVersion(char *v, unsigned int n) { strcpy(v, "570.86.15"); return n < 80; }
        nvmlReturn_t nvmlDeviceGetCount_v2(unsigned int *n) { *n = 1; return 0; }
        nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned int i, nvmlDevice_t *d) {
          *d = (nvmlDevice_t)(0x7fff00001000 + i); return 0; }
        static int bad(nvmlDevice_t d) { return d != (nvmlDevice_t)0x7fff00001000; }
        nvmlReturn_t nvmlDeviceGetUUID(nvmlDevice_t d, char *v, unsigned int n) { strcpy(v, "GPU-1"); return bad(d); }
        nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t d, char *v, unsigned int n)
        { strcpy(v, "NVIDIA H200"); return bad(d); }
        nvmlReturn_t nvmlDeviceGetUtilizationRates(nvmlDevice_t d, nvmlUtilization_t *u) {
          u->gpu = 75; u->memory = 20; return bad(d); }
        nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t d, nvmlMemory_t *m) {
          m->total = 150000000000ull; m->free = 140000000000ull; m->used = 10000000000ull; return bad(d); }
        nvmlReturn_t nvmlDeviceGetTemperature(nvmlDevice_t d, int sensor, unsigned int *t) {
          *t = 61; return bad(d) || sensor != 0; }
        nvmlReturn_t nvmlDeviceGetPowerUsage(nvmlDevice_t d, unsigned int *mw) { *mw = 512500; return bad(d); }
        nvmlReturn_t nvmlDeviceGetClockInfo(nvmlDevice_t d, int type, unsigned int *mhz) {
          *mhz = type == 1 ? 1980 : type == 2 ? 3201 : 0; return bad(d); }
        nvmlReturn_t nvmlDeviceGetCurrentClocksThrottleReasons(nvmlDevice_t d, unsigned long long *r) {
          *r = 0x44; return bad(d); }
        nvmlReturn_t nvmlDeviceGetTotalEccErrors(nvmlDevice_t d, int type, int counter, unsigned long long *n) {
          *n = type == 0 ? 7 : 1; return bad(d) || counter != 0; }
        nvmlReturn_t nvmlDeviceGetMigMode(nvmlDevice_t d, unsigned int *c, unsigned int *p) { return 3; }
        """;

    [Fact]
    public void Reads_what_a_card_says_and_nothing_where_it_says_nothing()
    {
        var folder = Directory.CreateTempSubdirectory("nvml-");
        try
        {
            var (source, library) = (Path.Combine(folder.FullName, "n.c"), Path.Combine(folder.FullName, "libnvml.so"));
            File.WriteAllText(source, Source);
            FakeLibrary.Compile(source, library);
            var card = Assert.Single(new Nvml(library).Read());
            Assert.Equal(("GPU-1", "NVIDIA H200", "570.86.15"), (card.Uuid, card.Name, card.DriverVersion));
            Assert.Equal((0.75, 61, 512.5), (card.Utilization, card.Temperature, card.Power));
            Assert.Equal((150_000_000_000, 140_000_000_000), (card.MemoryBytes, card.FreeMemoryBytes));
            Assert.Equal((1.98e9, 3.201e9), (card.MultiprocessorClock, card.MemoryClock));
            Assert.Equal(["power_cap", "hardware_thermal"], card.ThrottleReasons);
            Assert.Equal((7, 1), (card.CorrectedErrors, card.UncorrectedErrors));
            Assert.Equal((null, null, null), (card.LinkGeneration, card.LinkWidth, card.IsDivided));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void Without_the_library_there_is_nothing_to_read() =>
        Assert.Empty(new Nvml("libnvml-that-is-not-there.so.1").Read());
}

using System.Runtime.InteropServices;
using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Compute.Tests.Support;
using Gpt2Cluster.Compute.Torch;
using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Specification;
using TorchSharp;

namespace Gpt2Cluster.Compute.Tests.Devices;

/// <summary>The binding is held against a driver made by the C compiler, with the prototypes of cuda.h.</summary>
public sealed class CudaCopyDriverTests
{
    private const int LeafCount = 3;
    private const int StepCount = 2;

    // Every call but the first three wants card 1's context on its own thread, as a real driver does.
    private const string Source =
        """
        #include <stddef.h>
        #include <stdlib.h>
        #include <string.h>
        typedef int CUresult; typedef int CUdevice; typedef struct { int n; } *CUcontext, *CUstream, *CUevent;
        typedef unsigned long long CUdeviceptr;
        static __thread CUcontext current; static int retained, made, pinned, allocated, failing, putting;
        #define NEEDS_CONTEXT if (current == 0 || current->n != 41) return 201
        static void *handle(int n) { int *h = malloc(sizeof *h); *h = n; made++; return h; }
        void fail(int result) { failing = result; }
        CUresult cuGetErrorString(CUresult result, const char **words) {
          *words = result == 700 ? "an illegal memory access was encountered" : 0; return *words ? 0 : 1; }
        CUresult cuInit(unsigned int flags) { return flags; }
        CUresult cuDeviceGet(CUdevice *device, int ordinal) { *device = ordinal + 40; return 0; }
        CUresult cuDevicePrimaryCtxRetain(CUcontext *c, CUdevice d) { *c = handle(d); retained++; return 0; }
        CUresult cuDevicePrimaryCtxRelease_v2(CUdevice d) { made--; return d == 41 && --retained == 0 ? 0 : 1; }
        CUresult cuCtxSetCurrent(CUcontext c) { current = c; return 0; }
        CUresult cuStreamCreate(CUstream *s, unsigned int flags) {
          if (failing) return failing;
          NEEDS_CONTEXT; *s = handle(7); return flags == 1 ? 0 : 1; }
        CUresult cuStreamDestroy_v2(CUstream s) { NEEDS_CONTEXT; made--; return s->n == 7 ? 0 : 400; }
        CUresult cuEventCreate(CUevent *e, unsigned int flags) {
          NEEDS_CONTEXT; *e = handle(0); return flags == 2 ? 0 : 1; }
        CUresult cuEventDestroy_v2(CUevent e) { NEEDS_CONTEXT; made--; return 0; }
        CUresult cuEventRecord(CUevent e, CUstream s) { NEEDS_CONTEXT; e->n = s ? s->n : 1; return 0; }
        CUresult cuStreamWaitEvent(CUstream s, CUevent e, unsigned int flags) {
          NEEDS_CONTEXT; return flags == 0 && (s ? s->n == 7 && e->n == 1 : e->n == 7) ? 0 : 400; }
        CUresult cuEventSynchronize(CUevent e) { NEEDS_CONTEXT; return e->n == 7 || e->n == 1 ? 0 : 400; }
        CUresult cuMemHostAlloc(void **p, size_t bytes, unsigned int flags) {
          NEEDS_CONTEXT; pinned++; *p = aligned_alloc(64, (bytes + 63) / 64 * 64); return flags == 1 ? 0 : 1; }
        CUresult cuMemFreeHost(void *p) { NEEDS_CONTEXT; pinned--; free(p); return 0; }
        CUresult cuMemAlloc_v2(CUdeviceptr *p, size_t bytes) {
          NEEDS_CONTEXT; allocated++; *p = (CUdeviceptr)malloc(bytes); return 0; }
        CUresult cuMemFree_v2(CUdeviceptr p) { NEEDS_CONTEXT; allocated--; free((void *)p); return 0; }
        CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream s) {
          NEEDS_CONTEXT; memcpy((void *)to, (void *)from, bytes); return s == 0 ? 0 : 400; }
        CUresult cuMemcpyDtoHAsync_v2(void *host, CUdeviceptr device, size_t bytes, CUstream s) {
          NEEDS_CONTEXT; memcpy(host, (void *)device, bytes); return s->n == 7 ? 0 : 400; }
        CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr device, const void *host, size_t bytes, CUstream s) {
          NEEDS_CONTEXT; memcpy((void *)device, host, bytes);
          putting += s == 0; return s == 0 || s->n == 7 ? 0 : 400; }
        int put(void) { return putting; }
        int left(void) { return 100000 * allocated + 10000 * retained + 100 * pinned + made; }
        """;

    [Fact]
    public void A_replicas_sums_come_and_its_averages_go_through_the_driver() => WithDriver(library =>
    {
        var expected = Train(memory => new BlockingCopies(memory.Operators));
        var found = Train(memory => new StreamCopies(new CudaCopyDriver(1, library), memory.Operators.Counts));
        Assert.Equal(expected, found);
        Assert.Equal(StepCount * LeafCount, Ask(library, "put")); // Tokens, in the stream that computes.
        Assert.Equal(0, Ask(library, "left"));
    });

    [Fact]
    public void A_snapshot_is_read_through_the_driver_after_its_replica_is_gone() => WithDriver(library =>
    {
        var backend = new TorchBackend(Precision.Float32, new TensorMemory(torch.CPU), 1, memory =>
            new StreamCopies(new CudaCopyDriver(1, library), memory.Operators.Counts));
        IReplicaSnapshot snapshot;
        float[] expected;
        using (var replica = new Replica(Replicas.Tiny, backend))
        {
            replica.Initialize(5);
            snapshot = replica.Snapshot();
            expected = Replicas.Parameters(replica);
        }

        Assert.NotEqual(0, Ask(library, "left"));
        float[]? found = null;
        var reader = new Thread(() =>
        {
            using (snapshot)
                found = snapshot.Read(ReplicaPart.Parameters, 0, expected.Length).ToArray();
        });
        reader.Start();
        reader.Join();
        Assert.Equal(expected, found);
        Assert.Equal(0, Ask(library, "left"));
    });

    [Fact]
    public void What_it_refuses_says_whether_the_card_is_lost_or_memory_short() => WithDriver(library =>
    {
        using (var driver = new CudaCopyDriver(1, library))
        {
            Tell(library, "fail", 700);
            var lost = Assert.Throws<InvalidOperationException>(() => driver.NewStream());
            Assert.Equal(DeviceFailure.Lost, DeviceFailures.Of(lost));
            Tell(library, "fail", 2);
            Assert.Equal(
                DeviceFailure.OutOfMemory,
                DeviceFailures.Of(Assert.ThrowsAny<OutOfMemoryException>(() => driver.NewStream())));
            Tell(library, "fail", 1);
            var other = Assert.Throws<InvalidOperationException>(() => driver.NewStream());
            Assert.Contains("cuStreamCreate: 1", other.Message, StringComparison.Ordinal);
        }

        Assert.Equal(0, Ask(library, "left"));
    });

    [Fact]
    public void Without_a_driver_it_does_not_open() =>
        Assert.Throws<DllNotFoundException>(() => new CudaCopyDriver(0, "libcuda-that-is-not-there.so.1"));

    private static void WithDriver(Action<string> test)
    {
        var folder = Directory.CreateTempSubdirectory("cuda-copies-");
        try
        {
            var source = Path.Combine(folder.FullName, "c.c");
            var library = Path.Combine(folder.FullName, "libcuda.so.1");
            File.WriteAllText(source, Source);
            FakeLibrary.Compile(source, library);
            test(library);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static unsafe int Ask(string library, string name) =>
        ((delegate* unmanaged<int>)NativeLibrary.GetExport(NativeLibrary.Load(library), name))();

    private static unsafe void Tell(string library, string name, int value) =>
        ((delegate* unmanaged<int, void>)NativeLibrary.GetExport(NativeLibrary.Load(library), name))(value);

    private static float[] Train(Func<TensorMemory, IHostCopies> copiesOf)
    {
        var backend = new TorchBackend(Precision.BFloat16, new TensorMemory(torch.CPU), 1, copiesOf);
        using var replica = new Replica(Replicas.Tiny with { Precision = Precision.BFloat16 }, backend);
        replica.Initialize(5);
        for (var step = 1; step <= StepCount; step++)
        {
            Replicas.Train(
                replica,
                (leaf, sink) => replica.ComputeMicroBatch(Replicas.RandomBatch(Replicas.TinyShape, step, leaf), sink),
                step,
                LeafCount,
                learningRate: 1e-3);
        }

        return Replicas.Parameters(replica);
    }
}

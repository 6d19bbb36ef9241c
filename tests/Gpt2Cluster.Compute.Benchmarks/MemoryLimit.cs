using System.ComponentModel;
using System.Globalization;
using System.Runtime.InteropServices;
using static TorchSharp.torch;
using Device = Gpt2Cluster.Core.Ports.Device;

namespace Gpt2Cluster.Compute.Benchmarks;

/// <summary>Keeps this process from taking more memory of a device than is given.</summary>
internal abstract class MemoryLimit(long blockBytes) : IDisposable
{
    /// <summary>By how much the room grows.</summary>
    public long BlockBytes { get; } = blockBytes;

    /// <summary>On a card or on the processor; at first there is no room.</summary>
    public static MemoryLimit On(Device device) =>
        device.Card is null ? new ProcessLimit() : new CardLimit(device.Ordinal);

    /// <summary>Gives one block more, and holds from now on.</summary>
    public abstract void GiveMore();

    /// <summary>Lets the process have what it wants until more is given.</summary>
    public abstract void Lift();

    /// <inheritdoc/>
    public abstract void Dispose();

    /// <summary>A card's memory is taken, block by block, and given back so.</summary>
    private sealed class CardLimit : MemoryLimit
    {
        private const long Block = 32L << 20;

        private readonly Stack<Tensor> taken = [];

        public CardLimit(int ordinal)
            : base(Block)
        {
            var card = new TorchSharp.torch.Device(TorchSharp.DeviceType.CUDA, ordinal);
            try
            {
                while (true)
                    taken.Push(empty(Block, ScalarType.Byte, card));
            }
            catch (ExternalException)
            {
                // Full: what is left is less than a block.
            }
        }

        public override void GiveMore() => taken.Pop().Dispose();

        public override void Lift()
        {
            // What was given stays with the process.
        }

        public override void Dispose()
        {
            foreach (var block in taken)
                block.Dispose();
        }
    }

    /// <summary>The system refuses this process more writable memory than it had at first and what was given.</summary>
    private sealed class ProcessLimit : MemoryLimit
    {
        private const long Block = 2L << 20;
        private const int DataResource = 2; // RLIMIT_DATA of Linux
        private const int NoProcess = 0; // this one

        // Of glibc's mallopt.
        private const int TrimThreshold = -1;
        private const int TopPad = -2;
        private const int MmapThreshold = -3;
        private const int LargeBytes = 1 << 20;

        private readonly ulong most = Set(ulong.MaxValue);
        private readonly long before;
        private long given;

        public ProcessLimit()
            : base(Block)
        {
            // Large tensors come from the system and go back to it; else the heap would keep what failed attempts had.
            _ = MallOpt(MmapThreshold, LargeBytes);
            _ = MallOpt(TrimThreshold, LargeBytes);
            _ = MallOpt(TopPad, 0);
            _ = MallocTrim(0);
            before = WritableBytes();
        }

        public override void GiveMore() => Set((ulong)(before + (given += BlockBytes)));

        public override void Lift() => Set(most);

        public override void Dispose() => Lift();

        /// <summary>Sets the limit, to as much as the system lets us have, and returns that.</summary>
        private static unsafe ulong Set(ulong bytes)
        {
            var limit = stackalloc ulong[2]; // now, at most
            if (PrLimit(NoProcess, DataResource, null, limit) != 0)
                throw new Win32Exception(Marshal.GetLastPInvokeError());
            limit[0] = Math.Min(bytes, limit[1]);
            if (PrLimit(NoProcess, DataResource, limit, null) != 0)
                throw new Win32Exception(Marshal.GetLastPInvokeError());
            return limit[1];
        }

        private static long WritableBytes() => File.ReadLines("/proc/self/status")
            .Where(line => line.StartsWith("VmData:", StringComparison.Ordinal))
            .Select(line => line["VmData:".Length..^" kB".Length])
            .Select(kilobytes => long.Parse(kilobytes, CultureInfo.InvariantCulture) << 10)
            .Single();

        [DllImport("libc", EntryPoint = "mallopt")]
        private static extern int MallOpt(int parameter, int value);

        [DllImport("libc", EntryPoint = "malloc_trim")]
        private static extern int MallocTrim(nuint pad);

        [DllImport("libc", EntryPoint = "prlimit", SetLastError = true)]
        private static extern unsafe int PrLimit(int process, int resource, ulong* limit, ulong* old);
    }
}

using System.Runtime.InteropServices;
using Gpt2Cluster.Contracts.Workers;
using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Threads;

namespace Gpt2Cluster.Grains.Workers.Replicas;

/// <summary>
/// Copies a replica from the live ones, a different range from each in turn, and compares the whole with one of them:
/// a range of a replica that is another, or that was damaged on its way, is found.
/// </summary>
/// <param name="workerOf">A worker by its id.</param>
/// <param name="run">The run's name.</param>
/// <param name="order">Names step and sources.</param>
/// <param name="rangeElements">Elements asked for at once.</param>
internal class ReplicaCopy(
    Func<WorkerId, IWorker> workerOf, RunName run, PrepareReplica order, int rangeElements = ReplicaCopy.RangeElements)
{
    /// <summary>
    /// Elements asked for at once, at most: 1 MiB a message, so that probes pass between.
    /// </summary>
    public const int RangeElements = 1 << 18;

    /// <summary>How many ranges are under way at once.</summary>
    private const int RangesAtOnce = 8;

    /// <summary>
    /// Pieces whose hashes are asked for at once: 64 MiB are hashed well within the bound of a call.
    /// </summary>
    private const int PiecesAtOnce = 16;

    private static readonly ReplicaPart[] Parts = Enum.GetValues<ReplicaPart>();

    /// <summary>
    /// Fills the replica; it stands at the order's step then. Called on the compute thread, by
    /// <see cref="BlockingWait.RunHere"/>.
    /// </summary>
    /// <exception cref="IOException">A source cannot be read, has no replica, or one of another step.</exception>
    /// <exception cref="InvalidDataException">What was copied is not what a source holds.</exception>
    public async Task<IReplicaState> Run(IReplicaState replica, CancellationToken cancellation)
    {
        foreach (var part in Parts)
            await Copy(replica, part, cancellation);
        foreach (var part in Parts)
            await Compare(replica, part, order.CopyFrom[(int)part % order.CopyFrom.Count], cancellation);
        replica.Loaded(order.Step);
        return replica;
    }

    private async Task Copy(IReplicaState replica, ReplicaPart part, CancellationToken cancellation)
    {
        var sources = order.CopyFrom.Select(key => (Key: key, Worker: workerOf(key))).ToList();
        var pending = new Queue<(long Start, WorkerId Source, Task<ReplicaRange?> Range)>();
        var source = 0;
        for (var start = 0L; start < replica.Length || pending.Count > 0;)
        {
            cancellation.ThrowIfCancellationRequested();
            FaultPoints.Reach(FaultPoint.StateTransfer, order.Step);
            while (start < replica.Length && pending.Count < RangesAtOnce)
            {
                var count = (int)Math.Min(rangeElements, replica.Length - start);
                var from = sources[source++ % sources.Count];
                var asked = from.Worker.ReadReplica(run, part, start, count);
                pending.Enqueue((start, from.Key, asked));
                start += count;
            }

            var (rangeStart, key, task) = pending.Dequeue();
            var bytes = await BytesOf(key, task, cancellation);
            replica.Write(part, rangeStart, MemoryMarshal.Cast<byte, float>(bytes));
        }
    }

    /// <summary>Compares a part with that of a source.</summary>
    /// <exception cref="InvalidDataException">It is another one.</exception>
    protected virtual async Task Compare(
        IReplicaState replica, ReplicaPart part, WorkerId source, CancellationToken cancellation)
    {
        var pieceCount = StateHash.PieceCount(replica.Length);
        for (var first = 0; first < pieceCount; first += PiecesAtOnce)
        {
            cancellation.ThrowIfCancellationRequested();
            var count = Math.Min(PiecesAtOnce, pieceCount - first);
            var asked = workerOf(source).HashReplica(run, part, first, count);
            var found = ReplicaPieces.Of(replica, part, first, count);
            var expected = await BytesOf(source, asked, cancellation);
            if (expected.AsSpan().SequenceEqual(found))
                continue;
            var piece = first + (expected.AsSpan().CommonPrefixLength(found) / StateHash.PieceHashBytes);
            throw new InvalidDataException($"piece {piece} of the copied {part} is not what worker {source} holds");
        }
    }

    private async Task<byte[]> BytesOf(WorkerId source, Task<ReplicaRange?> asked, CancellationToken cancellation)
    {
        var range = await Answer(source, asked, cancellation)
            ?? throw new IOException("the worker to copy from has no replica of the run");
        return Stands(range)
            ? range.Bytes
            : throw new IOException($"a worker to copy from stands at step {range.Step}, not {order.Step}");
    }

    /// <summary>Whether a source stands where the copy is to stand.</summary>
    protected virtual bool Stands(ReplicaRange range) => range.Step == order.Step;

    /// <summary>
    /// A source's fault comes without its words: what its device or its memory lacks says nothing of those of the
    /// worker that copies, and <see cref="DeviceFailures"/> goes by words.
    /// </summary>
    private static async Task<ReplicaRange?> Answer(
        WorkerId source, Task<ReplicaRange?> asked, CancellationToken cancellation)
    {
        try
        {
            return await asked.WaitAsync(cancellation);
        }
        catch (Exception exception) when (
            exception is not OperationCanceledException || !cancellation.IsCancellationRequested)
        {
            throw new IOException($"worker {source} could not be read");
        }
    }
}

using System.Runtime.InteropServices;
using Gpt2Cluster.Contracts.Models;
using Gpt2Cluster.Contracts.Workers;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Grains.Workers;

/// <summary>Makes a replica stand where the coordinator says: kept, drawn fresh, loaded or copied.</summary>
internal sealed class ReplicaPreparation(WorkerServices services, RunSpecification specification)
{
    /// <summary>
    /// Elements asked for at once when a replica is copied: 1 MiB a message, so that probes pass between.
    /// </summary>
    private const int CopyElements = 1 << 18;

    /// <summary>How many ranges are under way at once.</summary>
    private const int CopiesAtOnce = 8;

    /// <summary>Does what the request says. Runs on the compute thread.</summary>
    public void Bring(IReplica replica, PrepareRequest request, CancellationToken cancellation)
    {
        switch (request.Origin)
        {
            case ReplicaOrigin.Keep:
                break;
            case ReplicaOrigin.Initialize:
                replica.Initialize(specification.Seed);
                break;
            case ReplicaOrigin.Model:
                services.Parameters.LoadModel(replica, specification.Model, cancellation);
                break;
            case ReplicaOrigin.Checkpoint:
                services.CheckpointLoader.Load(replica, CheckpointOf(request), cancellation);
                break;
            case ReplicaOrigin.Copy:
                Copy(replica, request, cancellation);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(request), request.Origin, "Unknown source of a replica.");
        }
    }

    private static StoredCheckpoint CheckpointOf(PrepareRequest request) =>
        request.Checkpoint ?? throw new ArgumentException("The request names no checkpoint.", nameof(request));

    /// <summary>Copies from the live replicas, a different range from each in turn.</summary>
    private void Copy(IReplica replica, PrepareRequest request, CancellationToken cancellation)
    {
        var sources = request.CopyFrom.Select(key => services.Grains.GetGrain<IWorker>(key)).ToList();
        var step = -1L;
        foreach (var part in Enum.GetValues<ReplicaPart>())
        {
            var pending = new Queue<(long Start, Task<ReplicaRange?> Range)>();
            var source = 0;
            for (var start = 0L; start < replica.Layout.Length || pending.Count > 0;)
            {
                cancellation.ThrowIfCancellationRequested();
                while (start < replica.Layout.Length && pending.Count < CopiesAtOnce)
                {
                    var count = (int)Math.Min(CopyElements, replica.Layout.Length - start);
                    var from = sources[source++ % sources.Count];
                    pending.Enqueue((start, from.ReadReplica(request.Run, (int)part, start, count)));
                    start += count;
                }

                var (rangeStart, task) = pending.Dequeue();
                var range = task.GetAwaiter().GetResult()
                    ?? throw new IOException("The worker to copy from has no replica of the run.");
                if (step >= 0 && range.Step != step)
                    throw new IOException($"The workers to copy from stand at steps {step} and {range.Step}.");
                step = range.Step;
                replica.Write(part, rangeStart, MemoryMarshal.Cast<byte, float>(range.Bytes));
            }
        }

        replica.Loaded(step);
    }
}

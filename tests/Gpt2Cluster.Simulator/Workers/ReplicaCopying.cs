using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Workers;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Simulator.Schedules;
using Gpt2Cluster.Simulator.Silos;

namespace Gpt2Cluster.Simulator.Workers;

/// <summary>Copies a replica from live ones, a range from each in turn, and compares the whole with one.</summary>
internal static class ReplicaCopying
{
    private const int RangeElements = 3;

    /// <summary>Fills a replica.</summary>
    public static async Task Run(
        SimulatedCluster cluster, Silo silo, SimulatedReplica replica, PrepareReplica order, CancellationToken token)
    {
        List<IWorker> sources = [.. order.CopyFrom.Select(key => silo.Grains.Worker(key))];
        var turn = 0;
        for (var part = 0; part < replica.Parts.Length; part++)
        {
            for (var start = 0; start < cluster.Model.ElementCount; start += RangeElements)
            {
                token.ThrowIfCancellationRequested();
                var count = Math.Min(RangeElements, cluster.Model.ElementCount - start);
                var asked = sources[turn++ % sources.Count].ReadReplica(
                    SimulatedCluster.RunName.Run(), (ReplicaPart)part, start, count);
                replica.Write(part, start, cluster.Network.Carry(BytesOf(cluster, await asked, order)));
            }
        }

        for (var part = 0; part < replica.Parts.Length && cluster.Mutant != Mutant.CopyUnchecked; part++)
        {
            var source = sources[part % sources.Count];
            var expected = await source.HashReplica(
                SimulatedCluster.RunName.Run(), (ReplicaPart)part, firstPiece: 0, count: 1);
            var found = SimulatedReplica.HashOf(replica.Parts[part]);
            if (!BytesOf(cluster, expected, order).AsSpan().SequenceEqual(found))
                throw new InvalidDataException($"part {part} was copied wrong");
        }

        replica.Loaded(order.Step);
    }

    private static byte[] BytesOf(SimulatedCluster cluster, ReplicaRange? range, PrepareReplica order)
    {
        if (range is null)
            throw new IOException("the worker to copy from has no replica of the run");
        return range.Step == order.Step || cluster.Mutant == Mutant.CopyUnchecked
            ? range.Bytes
            : throw new IOException($"a worker to copy from stands at step {range.Step}, not {order.Step}");
    }
}

using System.Text;
using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Simulator.Schedules;
using Gpt2Cluster.Simulator.Silos;
using Gpt2Cluster.Simulator.Workers;

namespace Gpt2Cluster.Simulator.Disk;

/// <summary>
/// Writes one worker's checkpoints, one at a time: files in a hidden folder, the manifest last, all flushed, then one
/// rename. Whatever happens between two of these is part of the schedule.
/// </summary>
internal sealed class CheckpointWriting(SimulatedCluster cluster, Silo silo, string worker)
{
    private const double EndPatience = 2;
    private const double LastPatience = 60;

    private Task writing = Task.CompletedTask;

    /// <summary>Snapshots a replica and goes on in the background.</summary>
    /// <param name="replica">What is saved.</param>
    /// <param name="record">The run's record.</param>
    /// <param name="order">Of which step.</param>
    /// <param name="done">Takes <see cref="CheckpointWritten"/> or <see cref="CheckpointFailed"/>.</param>
    public async Task Begin(
        SimulatedReplica replica, RunRecord record, WriteCheckpoint order, Action<CoordinatorInput> done)
    {
        await Task.WhenAny(writing, silo.Work(EndPatience));
        if (!writing.IsCompleted)
        {
            const string reason = "the checkpoint before is still being written";
            done(new CheckpointFailed(worker, order.Step, reason, IsBusy: true));
            return;
        }

        byte[][] parts = [.. replica.Parts.Select((part, index) => replica.Read(index, 0, part.Length))];
        byte[][] pieces = [.. replica.Parts.Select(SimulatedReplica.HashOf)];
        writing = Write(parts, pieces, record, order, done);
    }

    /// <summary>Waits for the one that is being written.</summary>
    public Task Finished() => Task.WhenAny(writing, silo.Work(LastPatience));

    private async Task Write(
        byte[][] parts, byte[][] pieces, RunRecord record, WriteCheckpoint order, Action<CoordinatorInput> done)
    {
        var hash = StateHash.Combine(order.Step, pieces[0], pieces[1], pieces[2]);
        var disk = silo.Checkpoints.Disk;
        var hidden = $".{CheckpointFolder.PathOf(order.Step)}.{cluster.NextConnection()}.partial";
        try
        {
            await Publish(disk, hidden, parts, Manifest(pieces, hash, record, order), order.Step);
            cluster.Trace.Say($"{silo.Life.Name} has written the checkpoint of step {order.Step}");
            done(new CheckpointWritten(
                worker,
                order.Step,
                hash,
                CheckpointFolder.PathOf(order.Step),
                TimeSpan.Zero,
                silo.Machine.Disk.Id));
        }
        catch (IOException problem)
        {
            disk.Remove(hidden);
            done(new CheckpointFailed(worker, order.Step, problem.Message));
        }
    }

    private async Task Publish(SimulatedDisk disk, string hidden, byte[][] parts, string manifest, long step)
    {
        for (var part = 0; part < parts.Length; part++)
        {
            await silo.Work(cluster.Chance.Seconds(0.001, 0.1).TotalSeconds);
            await disk.Answer(silo);
            disk.Write(hidden, CheckpointFolder.FileOf(part), parts[part]);
        }

        if (cluster.Mutant == Mutant.PublishedBeforeWritten)
            disk.Rename(hidden, CheckpointFolder.PathOf(step));
        await silo.Work(0.005);
        disk.Write(hidden, CheckpointManifest.FileName, Encoding.UTF8.GetBytes(manifest));
        await silo.Work(0.005);
        if (cluster.Mutant != Mutant.PublishedBeforeFlushed)
            disk.FlushFiles(hidden);
        await silo.Work(0.005);
        disk.Rename(hidden, CheckpointFolder.PathOf(step));
        if (cluster.Mutant != Mutant.PublishedBeforeFlushed)
            disk.FlushNames();
    }

    private static string Manifest(
        byte[][] pieces, string hash, RunRecord record, WriteCheckpoint order) => new CheckpointManifest
        {
            Step = order.Step,
            StateHash = hash,
            ParameterPieces = Convert.ToHexStringLower(pieces[0]),
            FirstMomentPieces = Convert.ToHexStringLower(pieces[1]),
            SecondMomentPieces = Convert.ToHexStringLower(pieces[2]),
            Files = [],
            ValidationLoss = order.ValidationLoss,
            Record = record,
        }.Write();
}

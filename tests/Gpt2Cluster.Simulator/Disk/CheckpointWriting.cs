using System.Text;
using System.Text.Json;
using Gpt2Cluster.Contracts.Workers;
using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Simulator.Schedules;
using Gpt2Cluster.Simulator.Silos;
using Gpt2Cluster.Simulator.Workers;

namespace Gpt2Cluster.Simulator.Disk;

/// <summary>
/// Writes one worker's checkpoints, one at a time: files in a hidden folder, the manifest last, all flushed, then one
/// rename. Whatever happens between two of these is part of the schedule.
/// </summary>
internal sealed class CheckpointWriting(SimulatedCluster cluster, Silo silo)
{
    private const double EndPatience = 2;
    private const double LastPatience = 60;

    private Task writing = Task.CompletedTask;

    /// <summary>Snapshots a replica and goes on in the background.</summary>
    /// <param name="replica">What is saved.</param>
    /// <param name="plan">Of which step.</param>
    /// <param name="done">
    /// Takes the state hash, or why it could not be written, and whether that is the one before.
    /// </param>
    public async Task Begin(SimulatedReplica replica, CheckpointPlan plan, Action<string?, string?, bool> done)
    {
        await Task.WhenAny(writing, silo.Work(EndPatience));
        if (!writing.IsCompleted)
        {
            done(null, "the checkpoint before is still being written", true);
            return;
        }

        byte[][] parts = [.. replica.Parts.Select((part, index) => replica.Read(index, 0, part.Length))];
        byte[][] pieces = [.. replica.Parts.Select(SimulatedReplica.HashOf)];
        writing = Write(parts, pieces, plan, done);
    }

    /// <summary>Waits for the one that is being written.</summary>
    public Task Finished() => Task.WhenAny(writing, silo.Work(LastPatience));

    private async Task Write(
        byte[][] parts, byte[][] pieces, CheckpointPlan plan, Action<string?, string?, bool> done)
    {
        var hash = StateHash.Combine(plan.Step, pieces[0], pieces[1], pieces[2]);
        var disk = silo.Checkpoints.Disk;
        var hidden = $".{CheckpointFolder.PathOf(plan.Step)}.{cluster.NextConnection()}.partial";
        try
        {
            await Publish(disk, hidden, parts, Manifest(pieces, hash, plan), plan.Step);
            cluster.Trace.Say($"{silo.Life.Name} has written the checkpoint of step {plan.Step}");
            done(hash, null, false);
        }
        catch (IOException problem)
        {
            disk.Remove(hidden);
            done(null, problem.Message, false);
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

    private static string Manifest(byte[][] pieces, string hash, CheckpointPlan plan) => new CheckpointManifest
    {
        Step = plan.Step,
        StateHash = hash,
        ParameterPieces = Convert.ToHexStringLower(pieces[0]),
        FirstMomentPieces = Convert.ToHexStringLower(pieces[1]),
        SecondMomentPieces = Convert.ToHexStringLower(pieces[2]),
        Files = [],
        ValidationLoss = plan.ValidationLoss,
        Record = JsonSerializer.Deserialize<RunRecord>(plan.RecordJson, SpecificationJson.Options)!,
    }.Write();
}

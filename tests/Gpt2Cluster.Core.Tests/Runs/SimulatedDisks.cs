using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Runs;

namespace Gpt2Cluster.Core.Tests.Runs;

/// <summary>The checkpoints on the disks of a <see cref="SimulatedCluster"/>'s three silos.</summary>
internal sealed class SimulatedDisks
{
    private readonly HashSet<(SiloName Silo, long Step)> files = [];
    private readonly HashSet<SiloName> lost = [];

    public static SiloName[] Silos { get; } =
        ["silo0".Silo(), "silo1".Silo(), "silo2".Silo()];

    /// <summary>What lies on all disks, as a catalogue would name it.</summary>
    public IEnumerable<CheckpointEntry> Entries => files.Select(file => new CheckpointEntry(
        file.Step, $"hash{file.Step}", file.Silo, $"/c/{file.Step}", null, IdOf(file.Silo)));

    public void Write(SiloName silo, long step) => files.Add((silo, step));

    /// <summary>Whether any disk has it.</summary>
    public bool Has(long step) => files.Any(file => file.Step == step);

    /// <returns>Whether it was there to be copied.</returns>
    public bool Copy(CopyCheckpoint copy)
    {
        if (!files.Contains((copy.From, copy.Step)))
            return false;
        files.Add((copy.Silo, copy.Step));
        return true;
    }

    public void DeleteAllBut(IReadOnlyList<long> kept) =>
        files.RemoveWhere(file => file.Step < kept[^1] && !kept.Contains(file.Step));

    /// <summary>The disks of all silos.</summary>
    public SiloDisk[] Now => [.. Silos.Select(silo => new SiloDisk(silo, IdOf(silo)))];

    /// <summary>Names a silo's disk: one that was lost comes back as another.</summary>
    public string IdOf(SiloName silo) => lost.Contains(silo) ? $"{silo}, new" : silo.ToString();

    /// <summary>What a silo's disk held is gone, and it gets an empty one.</summary>
    public void Lose(SiloName silo)
    {
        files.RemoveWhere(file => file.Silo == silo);
        lost.Add(silo);
    }

    /// <summary>Whoever a catalogue names has the checkpoint, unless its disk was lost.</summary>
    public void AssertHold(IEnumerable<CheckpointEntry> entries)
    {
        foreach (var entry in entries)
        {
            var holders = entry.Copies.Prepend(new CheckpointHolder(entry.Silo, entry.DataFolderId));
            foreach (var holder in holders.Where(holder => holder.DataFolderId == IdOf(holder.Silo!.Value)))
                Assert.Contains((holder.Silo!.Value, entry.Step), files);
        }
    }
}

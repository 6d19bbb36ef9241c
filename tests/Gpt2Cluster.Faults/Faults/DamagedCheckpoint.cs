using Gpt2Cluster.Faults.Processes;
using Gpt2Cluster.Faults.Training;

namespace Gpt2Cluster.Faults.Faults;

/// <summary>What happened to a file.</summary>
internal enum Damage
{
    /// <summary>Its second half is missing.</summary>
    Truncated,

    /// <summary>One bit in its middle is another.</summary>
    BitFlipped,
}

/// <summary>
/// Every silo dies, and of the newest checkpoint a file is damaged on every disk: the run goes on from an older one.
/// </summary>
/// <param name="damage">What happened to the file.</param>
internal sealed class DamagedCheckpoint(Damage damage)
    : Fault(damage == Damage.Truncated ? "truncated-checkpoint" : "bit-flipped-checkpoint", Victim.Whole)
{
    private const string FileName = "parameters.safetensors";

    private readonly List<string> spoiled = [];

    /// <inheritdoc/>
    public override int LostStepsAtMost => 3 * RunPlan.SaveEvery;

    /// <inheritdoc/>
    public override void Begin(Cluster cluster, Silo target)
    {
        foreach (var silo in cluster.Silos)
            silo.Kill(restarts: false);
        foreach (var silo in cluster.Silos)
            silo.AwaitEnd();
        var checkpoints = cluster.Silos
            .Select(silo => Path.Combine(silo.DataFolder, "runs", cluster.Run, "checkpoints"))
            .Where(Directory.Exists)
            .SelectMany(Directory.GetDirectories)
            .Where(folder => long.TryParse(Path.GetFileName(folder), out _))
            .ToLookup(folder => long.Parse(Path.GetFileName(folder)));
        spoiled.Clear();
        // A run that has just begun may have none.
        if (checkpoints.Count > 0)
            spoiled.AddRange(checkpoints[checkpoints.Max(step => step.Key)]);
        foreach (var folder in spoiled)
            Spoil(Path.Combine(folder, FileName));
        foreach (var silo in cluster.Silos)
            silo.Restart();
    }

    /// <summary>
    /// The newest may not have been in the run's record yet: then nobody need have read it, and it lies as before.
    /// </summary>
    public override bool IsTold(IEnumerable<string> warnings) =>
        warnings.Any(warning => warning.Contains("is damaged and set aside", StringComparison.Ordinal))
        || spoiled.TrueForAll(Directory.Exists);

    private void Spoil(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite);
        var middle = file.Length / 2;
        if (damage == Damage.Truncated)
        {
            file.SetLength(middle);
            return;
        }

        file.Position = middle;
        var old = file.ReadByte();
        file.Position = middle;
        file.WriteByte((byte)(old ^ 1));
    }
}

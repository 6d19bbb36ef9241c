namespace Gpt2Cluster.Core.Checkpoints;

/// <summary>Which checkpoints of a run stay: the newest, the best by validation, and what others stand on.</summary>
public static class Retention
{
    /// <summary>The steps whose checkpoints may go. Never all: at least the newest one stays.</summary>
    /// <param name="steps">Steps of all checkpoints, in any order; only those that were published count.</param>
    /// <param name="keep">How many of the newest stay, 1 or more.</param>
    /// <param name="bestStep">
    /// The step of the best validation, whose checkpoint stays too; null if there is none.
    /// </param>
    /// <param name="heldSteps">Steps whose checkpoints other runs stand on: they stay however old they are.</param>
    public static IReadOnlyList<long> Expired(
        IEnumerable<long> steps, int keep, long? bestStep, IEnumerable<long> heldSteps)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(keep, 1);
        var old = steps.Distinct().OrderDescending().Skip(keep);
        return [.. old.Except(heldSteps).Where(step => step != bestStep).Order()];
    }
}

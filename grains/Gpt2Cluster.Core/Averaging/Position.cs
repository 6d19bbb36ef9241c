namespace Gpt2Cluster.Core.Averaging;

/// <summary>
/// A step of a run under one generation: the plan that a silo works on, where it stands, and what frames carry.
/// </summary>
/// <param name="Generation">The generation; -1 before the first.</param>
/// <param name="Step">The step; 0 before the first.</param>
public readonly record struct Position(int Generation, long Step)
{
    /// <summary>Whether this plan replaces <paramref name="other"/>: generations first, then steps.</summary>
    public bool IsAfter(Position other) => (Generation, Step).CompareTo((other.Generation, other.Step)) > 0;

    /// <inheritdoc/>
    public override string ToString() => $"g{Generation} step {Step}";
}

/// <summary>Where another silo said it stands.</summary>
/// <param name="Connection">
/// Number of the connection that said it, in the order they were made: what was said on one that broke may be heard
/// after what is said on the next.
/// </param>
/// <param name="Position">Its generation and step.</param>
public readonly record struct PeerPosition(long Connection, Position Position);

namespace Gpt2Cluster.Core.Workers;

/// <summary>Why an order could not be carried out.</summary>
/// <param name="Reason">For people, without a full stop.</param>
/// <param name="Kind">What follows from it.</param>
/// <param name="Step">The step of a checkpoint that could not be loaded.</param>
public sealed record WorkerFailure(string Reason, FailureKind Kind = FailureKind.Other, long Step = 0);

/// <summary>Kinds of failures that the coordinator answers differently.</summary>
public enum FailureKind
{
    /// <summary>This worker's trouble: another one may do better, and this one the next time.</summary>
    Other,

    /// <summary>Every worker's trouble: the input is bad.</summary>
    BadInput,

    /// <summary>The device or the machine has no memory for it.</summary>
    NoMemory,

    /// <summary>The checkpoint verifies on no disk.</summary>
    CheckpointDamaged,

    /// <summary>The checkpoint's disk cannot be reached.</summary>
    CheckpointUnreachable,
}

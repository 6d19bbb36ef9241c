namespace Gpt2Cluster.Core.Memory;

/// <summary>A run's workers on one machine: those of one silo share its program and its exchange.</summary>
/// <param name="SiloCount">Silos they are in, 1 or more.</param>
/// <param name="WorkerCount">Workers, as many as silos or more.</param>
public readonly record struct MachineWorkers(int SiloCount, int WorkerCount)
{
    /// <summary>Silos that may have several workers, at most: each has one before any has another.</summary>
    public int FoldingSiloCount => Math.Min(SiloCount, WorkerCount - SiloCount);
}

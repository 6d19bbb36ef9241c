using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Compute.Benchmarks;

/// <summary>What is measured.</summary>
/// <param name="Shape">The model.</param>
/// <param name="BatchSize">Windows of the one micro-batch a step has.</param>
/// <param name="SequenceLength">Tokens of a window.</param>
/// <param name="Precision">Of the products.</param>
/// <param name="Steps">Steps in all, more than <see cref="StepBenchmark.WarmUpSteps"/>.</param>
/// <param name="Threads">Intra-op threads.</param>
/// <param name="Scope">What is trained.</param>
/// <param name="Recompute">Whether blocks are computed again in the backward pass.</param>
public sealed record StepBenchmarkOptions(
    ModelShape Shape,
    int BatchSize,
    int SequenceLength,
    Precision Precision,
    int Steps,
    int Threads,
    TrainingScope Scope = default,
    bool Recompute = false);

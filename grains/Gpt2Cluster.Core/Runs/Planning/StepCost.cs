using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Names;

namespace Gpt2Cluster.Core.Runs.Planning;

/// <summary>A worker as the advice looks at it.</summary>
/// <param name="Silo">Its silo: workers of one silo exchange nothing over a link.</param>
/// <param name="SecondsPerMicroBatch">What one micro-batch takes it, above 0.</param>
public readonly record struct WorkerSpeed(SiloName Silo, double SecondsPerMicroBatch);

/// <summary>What a step is made of, measured in a run or by probes before it.</summary>
public sealed record StepCost
{
    private const double BackwardShare = 2.0 / 3;

    /// <summary>M, micro-batches of a step.</summary>
    public required int MicroBatchCount { get; init; }

    /// <summary>Its workers, in the order of their micro-batches.</summary>
    public required IReadOnlyList<WorkerSpeed> Workers { get; init; }

    /// <summary>Seconds of the gradient's norm and the update, which every worker does whole.</summary>
    public required double UpdateSeconds { get; init; }

    /// <summary>
    /// Seconds of a step that are neither compute nor exchange nor update: messages, and waiting for windows.
    /// </summary>
    public double OtherSeconds { get; init; }

    /// <summary>Payload bytes that one silo sends for a step, on the average, if all take part.</summary>
    public required double BytesPerSilo { get; init; }

    /// <summary>Those of them that pass while it still computes; the others are waited for.</summary>
    public double OverlappedBytes { get; init; }

    /// <summary>Payload that a silo's link carries, bytes a second; infinite where nothing is waited for.</summary>
    public required double LinkRate { get; init; }

    /// <summary>Seconds of a step with all workers as measured; null before there is one.</summary>
    public double? MeasuredSeconds { get; init; }

    /// <summary>Whether the run trains all of its parameters, so that adapters would exchange far less.</summary>
    public required bool TrainsAll { get; init; }

    /// <summary>Gradients that each of a number of silos sends for a step: <c>2 (n - 1) / n</c>.</summary>
    public static double GradientsSent(int siloCount) => 2.0 * (siloCount - 1) / siloCount;

    /// <summary>
    /// A step that was not measured, from what probes say. Each silo sends its share of the trained gradient, fp32; the
    /// blocks' part of it can pass while the last micro-batch goes backward, which is two of its three parts of work
    /// (Kaplan et al. 2020), the token embedding's only behind it.
    /// </summary>
    /// <param name="parameters">The model's.</param>
    /// <param name="microBatchCount">M, 1 or more.</param>
    /// <param name="workers">Those that would take part.</param>
    /// <param name="updateSeconds">Of norm and update.</param>
    /// <param name="linkRate">Payload that a silo's link carries, bytes a second; infinite for one silo.</param>
    public static StepCost Probed(
        ModelParameters parameters,
        int microBatchCount,
        IReadOnlyList<WorkerSpeed> workers,
        double updateSeconds,
        double linkRate)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentNullException.ThrowIfNull(workers);
        var siloCount = workers.Select(worker => worker.Silo).Distinct().Count();
        var share = GradientsSent(siloCount) * sizeof(float);
        var early = parameters.Trained.Length
            - (parameters.Trained.Find(new ParameterId(-1, ParameterRole.TokenEmbedding))?.Length ?? 0);
        var backward = BackwardShare * workers.Min(worker => worker.SecondsPerMicroBatch);
        return new StepCost
        {
            MicroBatchCount = microBatchCount,
            Workers = workers,
            UpdateSeconds = updateSeconds,
            BytesPerSilo = share * parameters.Trained.Length,
            OverlappedBytes = Math.Min(share * early, linkRate * backward),
            LinkRate = linkRate,
            TrainsAll = parameters.Frozen.Length == 0,
        };
    }

    /// <summary>Silos that take part.</summary>
    public int SiloCount => Workers.Select(worker => worker.Silo).Distinct().Count();
}

/// <summary>A step as it would be with a number of workers.</summary>
/// <param name="WorkerCount">How many.</param>
/// <param name="StepSeconds">Seconds of a step with them.</param>
/// <param name="ExposedSeconds">Seconds of it that wait for the link.</param>
/// <param name="BytesPerSilo">Payload bytes that each silo sends.</param>
/// <param name="SiloCount">Silos they are on.</param>
public readonly record struct ForeseenStep(
    int WorkerCount, double StepSeconds, double ExposedSeconds, double BytesPerSilo, int SiloCount);

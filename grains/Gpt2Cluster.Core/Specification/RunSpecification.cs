using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Windows;

namespace Gpt2Cluster.Core.Specification;

/// <summary>
/// Everything a run is asked to be, complete and immutable: what is not in here is not known to the run.
/// </summary>
/// <remarks>
/// Doc comments name the option of the command line; <see cref="SpecificationCheck"/> knows the ranges.
/// </remarks>
public sealed record RunSpecification : StoredRecord
{
    /// <summary><c>--run</c>.</summary>
    public required RunName Run { get; init; }

    /// <summary><c>--model</c> and what it stands for.</summary>
    public required ModelReference Model { get; init; }

    /// <summary>The tokens to train and validate on.</summary>
    public required DatasetReference Dataset { get; init; }

    /// <summary><c>--steps</c>.</summary>
    public long Steps { get; init; } = 1000;

    /// <summary><c>--batch-size</c>: B, windows of a micro-batch.</summary>
    public int BatchSize { get; init; } = 2;

    /// <summary><c>--micro-batches</c>: M, micro-batches of a step.</summary>
    public int MicroBatchCount { get; init; } = 8;

    /// <summary><c>--sequence-length</c>: T, already lowered for a short corpus.</summary>
    public required int SequenceLength { get; init; }

    /// <summary><c>--learning-rate</c>, <c>--schedule</c> and <c>--warmup</c>.</summary>
    public required LearningRateSchedule Schedule { get; init; }

    /// <summary>
    /// <c>--optimizer</c>, <c>--weight-decay</c>, <c>--beta1</c>, <c>--beta2</c>, <c>--epsilon</c>, <c>--clip-norm</c>.
    /// </summary>
    public OptimizerOptions Optimizer { get; init; } = new();

    /// <summary><c>--dropout</c>, 0 to below 1.</summary>
    public double Dropout { get; init; }

    /// <summary><c>--noise</c>, 0 to 1.</summary>
    public double Noise { get; init; }

    /// <summary><c>--train</c>.</summary>
    public TrainableParameters Trainable { get; init; }

    /// <summary>
    /// <c>--lora-alpha</c>, <c>--lora-dropout</c>, <c>--lora-targets</c> and the rank; null unless adapters are
    /// trained.
    /// </summary>
    public LoraOptions? Lora { get; init; }

    /// <summary><c>--device</c>; null (<c>auto</c>) until the cluster has chosen.</summary>
    public DeviceKind? Device { get; init; }

    /// <summary><c>--precision</c>; null until the cluster has chosen, with the devices.</summary>
    public Precision? Precision { get; init; }

    /// <summary><c>--recompute</c>.</summary>
    public bool Recompute { get; init; }

    /// <summary><c>--workers</c>.</summary>
    public WorkerRange Workers { get; init; } = new(1, null);

    /// <summary><c>--threads-per-worker</c>; null until the cluster has chosen, with the devices.</summary>
    public int? ThreadsPerWorker { get; init; }

    /// <summary><c>--exact</c>: workers of another compute profile are refused.</summary>
    public bool Exact { get; init; } = true;

    /// <summary><c>--on-nan</c>.</summary>
    public NanPolicy OnNan { get; init; }

    /// <summary><c>--sample-*</c>, <c>--top-k</c>, <c>--top-p</c>, <c>--temperature</c>.</summary>
    public SamplingOptions Sampling { get; init; } = new();

    /// <summary><c>--save-every</c>; 0: only at pause and end.</summary>
    public long SaveEvery { get; init; } = 200;

    /// <summary><c>--keep</c>: the newest checkpoints kept, 1 or more, beside the best by validation.</summary>
    public int Keep { get; init; } = 3;

    /// <summary><c>--val-every</c>; 0: never.</summary>
    public long ValidateEvery { get; init; } = 100;

    /// <summary><c>--early-stop</c>: validations without a new best that end the run; 0: off.</summary>
    public int EarlyStop { get; init; }

    /// <summary><c>--seed</c>.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary><c>--license</c>: of what comes from the run; null for the one that the base model is under.</summary>
    public string? License { get; init; }

    /// <summary><c>--author</c>; null if nobody said.</summary>
    public string? Author { get; init; }

    /// <summary>The model's parameters, and which of them are trained.</summary>
    public ModelParameters Parameters() => new(Model.Shape, Trainable, Lora);

    /// <summary>
    /// Whether a part of the model that this run never writes lies in a checkpoint of another run only: whoever loads a
    /// checkpoint of this run needs that one too.
    /// </summary>
    public bool StandsOnCheckpoint =>
        Model is { Step: not null, Sha256: not null, BaseRun: not null } && Parameters().Frozen.Length > 0;

    /// <summary>
    /// The hashes of all stored datasets that the run reads, each once: as long as it is there, they are not removed.
    /// </summary>
    public IReadOnlyList<string> DatasetHashes() =>
    [
        .. Dataset.Sources().Select(source => source.Sha256)
            .Concat(Dataset.ValidationParts().Select(part => part.Sha256)).Distinct(),
    ];

    /// <summary>The windows to train on, of each of the dataset's sources.</summary>
    public IReadOnlyList<WindowLayout> TrainingWindows() =>
        [.. Dataset.Sources().Select(source => new WindowLayout(source.TrainingTokenCount, SequenceLength))];

    /// <summary>The order in which they are used.</summary>
    public WindowOrder WindowOrder() => new(
        new SourceSchedule(Dataset.Sources().Select(source => source.Weight)),
        TrainingWindows().Select(windows => windows.WindowCount),
        Seed,
        MicroBatchCount,
        BatchSize);

    /// <summary>Windows that are drawn before one comes a second time.</summary>
    public long WindowsOfFirstPass()
    {
        var sources = Dataset.Sources();
        var sum = sources.Sum(source => source.Weight);
        var counts = TrainingWindows().Zip(sources, (windows, source) =>
            (Int128)windows.WindowCount * sum / source.Weight);
        return (long)Int128.Min(counts.Min(), long.MaxValue);
    }

    /// <summary>The windows to validate on, in fixed micro-batches; null if there are none.</summary>
    public ValidationBatches? ValidationBatches()
    {
        var parts = Dataset.ValidationParts();
        return Dataset.ValidationTokenCount < 2
            ? null
            : new(parts.Select(part => new WindowLayout(part.Count, SequenceLength)), BatchSize);
    }

    /// <summary>Tokens trained on in one step.</summary>
    public long TokensPerStep => (long)MicroBatchCount * BatchSize * SequenceLength;
}

/// <summary>How many workers a run takes.</summary>
/// <param name="Min">It waits for this many, 1 or more.</param>
/// <param name="Max">It takes no more than these; null for all.</param>
public sealed record WorkerRange(int Min, int? Max) : StoredRecord;

/// <summary>What happens when a loss or the gradient norm is not finite.</summary>
public enum NanPolicy
{
    /// <summary>The step is not applied and the run stops, resumable.</summary>
    Stop,

    /// <summary>The step commits with parameters and moments unchanged; its windows count as used.</summary>
    Skip,
}

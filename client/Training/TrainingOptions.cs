using System.CommandLine;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Client.Training;

/// <summary>
/// The options of <c>train</c> and <c>submit</c>; what is not typed is null and takes the model's default.
/// </summary>
internal sealed class TrainingOptions
{
    /// <summary>The dataset, as the original tool takes it.</summary>
    public Option<string?> Dataset { get; } = Values.Text("--dataset", "PATH", "the dataset, in place of the argument");

    /// <summary><c>--mix</c>.</summary>
    public Option<MixedPath[]> Mix { get; } = Values.Mix(
        "several datasets in place of one, drawn in that proportion of tokens; may be repeated");

    /// <summary><c>--config</c>; its options stand among the words when these are read.</summary>
    public Option<string?> Config { get; } = ConfigurationFile.NewOption();

    /// <summary><c>--run</c>.</summary>
    public Option<string?> Run { get; } = Values.Text("--run", "NAME", "the run's name [default: run1]");

    /// <summary><c>--model</c>.</summary>
    public Option<string?> Model { get; } = Values.Text(
        "--model", "M", "a name in the store, a directory, run:NAME or scratch:PRESET [default: gpt2]");

    /// <summary><c>--steps</c>.</summary>
    public Option<long?> Steps { get; } = Values.WholeNumber("--steps", "optimizer updates [default: 1000]");

    /// <summary><c>--batch-size</c>.</summary>
    public Option<BatchSize?> BatchSize { get; } = Values.BatchSize(
        "--batch-size",
        "windows a micro-batch; auto: the most that fit every worker's memory [default: 2; on cards what fills one]");

    /// <summary><c>--micro-batches</c>.</summary>
    public Option<long?> MicroBatches { get; } = Values.WholeNumber(
        "--micro-batches", "micro-batches a step [default: 8]");

    /// <summary><c>--sequence-length</c>.</summary>
    public Option<long?> SequenceLength { get; } = Values.WholeNumber(
        "--sequence-length", "tokens a window [default: the model's context]");

    /// <summary><c>--learning-rate</c>.</summary>
    public Option<double?> LearningRate { get; } = Values.Number(
        "--learning-rate",
        "at its peak [default: 5e-5; with --train lora:RANK 2e-4, for scratch: presets too]");

    /// <summary><c>--schedule</c>.</summary>
    public Option<string?> Schedule { get; } = Values.Choice(
        "--schedule", "the learning rate's course [default: cosine, to a tenth]", "constant", "linear", "cosine");

    /// <summary><c>--warmup</c>.</summary>
    public Option<long?> Warmup { get; } = Values.WholeNumber("--warmup", "steps [default: 5 % of the steps]");

    /// <summary><c>--weight-decay</c>.</summary>
    public Option<double?> WeightDecay { get; } = Values.Number(
        "--weight-decay", "on tensors of two or more dimensions [default: 0.01]");

    /// <summary><c>--beta1</c>.</summary>
    public Option<double?> Beta1 { get; } = Values.Number("--beta1", "decay of the first moment [default: 0.9]");

    /// <summary><c>--beta2</c>.</summary>
    public Option<double?> Beta2 { get; } = Values.Number("--beta2", "decay of the second moment [default: 0.999]");

    /// <summary><c>--epsilon</c>.</summary>
    public Option<double?> Epsilon { get; } = Values.Number("--epsilon", "of the optimizer [default: 1e-8]");

    /// <summary><c>--clip-norm</c>.</summary>
    public Option<double?> ClipNorm { get; } = Values.Number(
        "--clip-norm", "bound of the gradient's norm; 0 is off [default: 1]");

    /// <summary><c>--optimizer</c>.</summary>
    public Option<string?> Optimizer { get; } = Values.Choice("--optimizer", "[default: adamw]", "adamw", "sgd");

    /// <summary><c>--dropout</c>.</summary>
    public Option<double?> Dropout { get; } = Values.Number("--dropout", "share of activations dropped [default: 0]");

    /// <summary><c>--noise</c>.</summary>
    public Option<double?> Noise { get; } = Values.Number(
        "--noise", "share of input tokens replaced by random ones [default: 0]");

    /// <summary><c>--train</c>.</summary>
    public Option<TrainingScope?> Train { get; } = Values.Train("what is updated [default: all]");

    /// <summary><c>--lora-alpha</c>.</summary>
    public Option<double?> LoraAlpha { get; } = Values.Number(
        "--lora-alpha", "adapters are multiplied by this over their rank [default: 2 x RANK]");

    /// <summary><c>--lora-dropout</c>.</summary>
    public Option<double?> LoraDropout { get; } = Values.Number(
        "--lora-dropout", "share of the adapters' inputs dropped [default: 0]");

    /// <summary><c>--lora-targets</c>.</summary>
    public Option<string?> LoraTargets { get; } = Values.Text(
        "--lora-targets", "LIST", $"layers with adapters [default: {string.Join(',', LoraOptions.DefaultTargets)}]");

    /// <summary><c>--device</c>.</summary>
    public Option<string?> Device { get; } = Values.Choice(
        "--device",
        "the class of devices that serves the run [default: auto, the fastest that has its least number of workers]",
        "auto", "cpu", "cuda");

    /// <summary><c>--precision</c>.</summary>
    public Option<string?> Precision { get; } = Values.Choice(
        "--precision", "[default: bf16 where the device is fast at it, else fp32]", "bf16", "fp32");

    /// <summary><c>--recompute</c>.</summary>
    public Option<bool> Recompute { get; } = Values.Flag(
        "--recompute", "computes activations again in the backward pass: less memory, more time");

    /// <summary><c>--workers</c>.</summary>
    public Option<WorkerBounds?> Workers { get; } = Values.Workers("--workers", "[default: 1..all]");

    /// <summary><c>--threads-per-worker</c>.</summary>
    public Option<long?> ThreadsPerWorker { get; } = Values.WholeNumber(
        "--threads-per-worker", "name it to get equal bits from different numbers of silos [default: cores / workers]");

    /// <summary><c>--exact</c>.</summary>
    public Option<string?> Exact { get; } = Values.Choice(
        "--exact", "whether workers of another compute profile are refused [default: on]", "on", "off");

    /// <summary><c>--on-nan</c>.</summary>
    public Option<string?> OnNan { get; } = Values.Choice(
        "--on-nan", "what happens when a loss is not finite [default: stop]", "stop", "skip");

    /// <summary><c>--sample-every</c>.</summary>
    public Option<long?> SampleEvery { get; } = Values.WholeNumber(
        "--sample-every", "steps between samples; 0: never [default: 100]");

    /// <summary><c>--sample-num</c>.</summary>
    public Option<long?> SampleNum { get; } = Values.WholeNumber("--sample-num", "samples at a time [default: 1]");

    /// <summary><c>--sample-length</c>.</summary>
    public Option<long?> SampleLength { get; } = Values.WholeNumber(
        "--sample-length", "tokens [default: 200 or what fits the context]");

    /// <summary><c>--sample-prompt</c>.</summary>
    public Option<string[]> SamplePrompt { get; } = Named(
        Values.Texts(
            "--sample-prompt", "what samples begin with; may be repeated [default: end-of-text]", mayBeEmpty: true),
        "--sample-prefix");

    /// <summary><c>--sample-prompt-file</c>.</summary>
    public Option<string?> SamplePromptFile { get; } = Values.Text(
        "--sample-prompt-file", "F", "a text file (UTF-8, or UTF-16 with its mark) with one more prompt");

    /// <summary><c>--sample-stop</c> and the others that <c>generate</c> has too.</summary>
    public TextOptions SampleRules { get; } = new("--sample-");

    /// <summary><c>--top-k</c>.</summary>
    public Option<long?> TopK { get; } = Named(
        Values.WholeNumber("--top-k", "0 for all [default: 40]"), "--sample-top-k");

    /// <summary><c>--top-p</c>.</summary>
    public Option<double?> TopP { get; } = Named(
        Values.Number("--top-p", "0 for all [default: 0]"), "--sample-top-p");

    /// <summary><c>--temperature</c>.</summary>
    public Option<double?> Temperature { get; } = Named(
        Values.Number("--temperature", "0 is greedy [default: 1]"), "--sample-temperature");

    /// <summary><c>--save-every</c>.</summary>
    public Option<long?> SaveEvery { get; } = Values.WholeNumber(
        "--save-every",
        "steps between checkpoints, beside each best validation's; 0: only at pause and end [default: 200]");

    /// <summary><c>--keep</c>.</summary>
    public Option<long?> Keep { get; } = Values.WholeNumber(
        "--keep", "newest checkpoints kept, beside the best by validation [default: 3]");

    /// <summary><c>--val-dataset</c>.</summary>
    public Option<string?> ValDataset { get; } = Values.Text(
        "--val-dataset", "PATH", "validates on this instead of a part of the dataset");

    /// <summary><c>--val-split</c>.</summary>
    public Option<double?> ValSplit { get; } = Values.Number(
        "--val-split", "share that validates [default: 0.05 when the corpus has 20 windows or more, else 0]");

    /// <summary><c>--val-every</c>.</summary>
    public Option<long?> ValEvery { get; } = Values.WholeNumber(
        "--val-every", "steps between validations; 0: never [default: 100]");

    /// <summary><c>--early-stop</c>.</summary>
    public Option<long?> EarlyStop { get; } = Values.WholeNumber(
        "--early-stop", "validations without a new best that end the run; 0: off [default: 0]");

    /// <summary><c>--seed</c>.</summary>
    public Option<long?> Seed { get; } = Values.WholeNumber("--seed", "of all random draws [default: 1]");

    /// <summary><c>--license</c>.</summary>
    public Option<string?> License { get; } = Values.Text(
        "--license", "TEXT", "recorded with all that comes from the run [default: the base model's]");

    /// <summary><c>--author</c>.</summary>
    public Option<string?> Author { get; } = Values.Text(
        "--author", "TEXT", "recorded with all that comes from the run");

    /// <summary><c>--pause-at</c>.</summary>
    public Option<long?> PauseAt { get; } = Values.WholeNumber("--pause-at", "pauses when this step is committed");

    /// <summary><c>--encoding</c> and <c>--text-field</c>.</summary>
    public SourceChoices Sources { get; } = new();

    /// <summary>All of them, in the order of the help page.</summary>
    public IReadOnlyList<Option> All =>
    [
        Dataset, Mix, .. Sources.All, Config, Run, Model, Steps, BatchSize, MicroBatches, SequenceLength, LearningRate,
        Schedule, Warmup,
        WeightDecay, Beta1, Beta2, Epsilon, ClipNorm, Optimizer, Dropout, Noise, Train, LoraAlpha, LoraDropout,
        LoraTargets, Device, Precision, Recompute, Workers, ThreadsPerWorker, Exact, OnNan, SampleEvery, SampleNum,
        SampleLength, SamplePrompt, SamplePromptFile, TopK, TopP, Temperature, .. SampleRules.All,
        SaveEvery, Keep, ValDataset, ValSplit, ValEvery, EarlyStop, Seed, License, Author,
        PauseAt,
    ];

    private static Option<T> Named<T>(Option<T> option, string alias)
    {
        option.Aliases.Add(alias);
        return option;
    }
}

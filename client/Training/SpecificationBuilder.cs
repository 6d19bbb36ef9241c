using System.CommandLine;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Data.Datasets;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Client.Training;

/// <summary>From the options typed to a run's specification.</summary>
/// <param name="options">The options.</param>
/// <param name="arguments">What was typed.</param>
internal sealed class SpecificationBuilder(TrainingOptions options, ParseResult arguments)
{
    /// <summary>
    /// A dataset of this length stands in while the real one is not known yet; any option is fine with it.
    /// </summary>
    private const long PlaceholderTokens = long.MaxValue / 4;

    // Tokenised once a vocabulary: the specification is made several times.
    private SamplePrompt[]? prompts;
    private Gpt2Vocabulary? vocabulary;

    /// <summary><c>--run</c>.</summary>
    public RunName Run { get; } = RunName.Parse(arguments.GetValue(options.Run) ?? "run1");

    /// <summary><c>--model</c>.</summary>
    public string Model { get; } = arguments.GetValue(options.Model) ?? "gpt2";

    /// <summary>
    /// Whether <c>--batch-size auto</c> was said: the batch is to be settled, and is 1 in what is built here.
    /// </summary>
    public bool FitsBatch { get; } = arguments.GetValue(options.BatchSize) is { Windows: null };

    /// <summary>Whether nobody names the batch size, neither an option nor a preset.</summary>
    public bool HasOpenBatch => arguments.GetValue(options.BatchSize) is null
        && ReferenceEquals(Presets.DefaultsOf(Model), Presets.FineTuning);

    /// <summary>
    /// The model's vocabulary, which prompts are made tokens with; null, as it begins, stands for OpenAI's.
    /// </summary>
    public Gpt2Vocabulary? Vocabulary
    {
        get => vocabulary;
        set => (vocabulary, prompts) = (value, null);
    }

    private SamplePrompt[] SamplePrompts => prompts ??= Prompts();

    /// <summary><c>--pause-at</c>.</summary>
    public long? PauseAt { get; } = arguments.GetValue(options.PauseAt);

    /// <summary>
    /// Everything that is wrong with the options, before a dataset is read or anything is sent; one sentence each.
    /// </summary>
    /// <param name="model">The model, its shape known.</param>
    public IReadOnlyList<string> Errors(ModelReference model)
    {
        var errors = SpecificationCheck.Errors(Preview(model, validationTokenCount: 2)).ToList();
        if (SamplePrompts.FirstOrDefault(one => one.Tokens.Count >= model.Shape.ContextLength) is { } tooLong)
        {
            return
            [
                $"--sample-prompt has {tooLong.Tokens.Count} tokens and leaves no room in the context of "
                + $"{model.Shape.ContextLength} tokens of {model.Name}; shorten it.",
            ];
        }

        Option[] ofAdapters = [options.LoraAlpha, options.LoraDropout, options.LoraTargets];
        if (Scope.Rank is null && ofAdapters.FirstOrDefault(one => arguments.GetResult(one) is not null) is { } alone)
            errors.Add($"{alone.Name} needs adapters; give --train lora:RANK, such as lora:8, or leave it out.");
        if (PauseAt is 0)
            errors.Add("--pause-at must be 1 or more, not 0.");
        if (arguments.GetValue(options.ValSplit) is { } split && split is not (>= 0 and < 1))
            errors.Add(FormattableString.Invariant($"--val-split must be 0 or more and below 1, not {split}."));
        return errors;
    }

    /// <summary>
    /// The specification before the tokens are counted. It validates only with <c>--val-dataset</c>: whether the
    /// dataset is long enough to be split is not known yet.
    /// </summary>
    /// <param name="model">The model, its shape known.</param>
    public RunSpecification Preview(ModelReference model) =>
        Preview(model, validationTokenCount: arguments.GetValue(options.ValDataset) is null ? 0 : 2);

    private RunSpecification Preview(ModelReference model, long validationTokenCount) => Build(
        model,
        new DatasetReference("", PlaceholderTokens, validationTokenCount),
        Int(options.SequenceLength) ?? model.Shape.ContextLength);

    /// <summary>The specification, once the tokens are known.</summary>
    /// <param name="model">The model.</param>
    /// <param name="sources">The datasets to train on, one or more.</param>
    /// <param name="validation">The dataset of <c>--val-dataset</c>; null without it.</param>
    /// <param name="warnings">Takes one sentence for each thing that is not as asked.</param>
    /// <exception cref="UserErrorException">A dataset is too short for what is asked.</exception>
    public RunSpecification Build(
        ModelReference model,
        IReadOnlyList<SourceTokens> sources,
        TokenCounts? validation,
        ICollection<string> warnings)
    {
        var wanted = Int(options.SequenceLength) ?? model.Shape.ContextLength;
        var division = DatasetDivision.Of(sources, validation, wanted, arguments.GetValue(options.ValSplit));
        if (division.Warning is { } warning)
            warnings.Add(warning);
        return Build(model, division.Dataset, division.SequenceLength);
    }

    private RunSpecification Build(ModelReference model, DatasetReference dataset, int sequenceLength)
    {
        var defaults = Presets.DefaultsOf(model.Name);
        var steps = arguments.GetValue(options.Steps) ?? defaults.Steps;
        return new RunSpecification
        {
            Run = Run,
            Model = model,
            Dataset = dataset,
            Steps = steps,
            BatchSize = FitsBatch
                ? 1
                : Int(options.BatchSize.Name, arguments.GetValue(options.BatchSize)?.Windows) ?? defaults.BatchSize,
            MicroBatchCount = Int(options.MicroBatches) ?? defaults.MicroBatchCount,
            SequenceLength = sequenceLength,
            Schedule = Schedule(defaults, steps),
            Optimizer = OptimizerOptions(),
            Dropout = arguments.GetValue(options.Dropout) ?? 0,
            Noise = arguments.GetValue(options.Noise) ?? 0,
            Trainable = Scope.Trainable,
            Lora = Lora(),
            Device = DeviceKinds.Read(arguments.GetValue(options.Device)),
            Precision = PrecisionWords.Read(arguments.GetValue(options.Precision)),
            Recompute = arguments.GetValue(options.Recompute),
            Workers = Workers(),
            ThreadsPerWorker = Int(options.ThreadsPerWorker),
            Exact = arguments.GetValue(options.Exact) != "off",
            OnNan = arguments.GetValue(options.OnNan) == "skip" ? NanPolicy.Skip : NanPolicy.Stop,
            Sampling = Sampling(model, defaults),
            SaveEvery = arguments.GetValue(options.SaveEvery) ?? defaults.SaveEvery,
            Keep = Int(options.Keep) ?? 3,
            ValidateEvery = arguments.GetValue(options.ValEvery) ?? defaults.ValidateEvery,
            EarlyStop = Int(options.EarlyStop) ?? 0,
            Seed = (ulong)(arguments.GetValue(options.Seed) ?? 1),
            License = arguments.GetValue(options.License),
            Author = arguments.GetValue(options.Author),
        };
    }

    private LearningRateSchedule Schedule(TrainingDefaults defaults, long steps)
    {
        var kind = arguments.GetValue(options.Schedule) switch
        {
            "constant" => ScheduleKind.Constant,
            "linear" => ScheduleKind.Linear,
            _ => ScheduleKind.Cosine,
        };

        // A preset's warm-up belongs to its own number of steps; for another number it is a share of that.
        var standard = arguments.GetValue(options.Steps) is null
            ? defaults.WarmupSteps ?? LearningRateSchedule.DefaultWarmup(steps)
            : LearningRateSchedule.DefaultWarmup(steps);
        var warmup = arguments.GetValue(options.Warmup) ?? standard;
        var standardRate = Scope.Rank is null ? defaults.LearningRate : LoraOptions.DefaultLearningRate;
        var peak = arguments.GetValue(options.LearningRate) ?? standardRate;
        return new LearningRateSchedule(kind, peak, warmup);
    }

    private TrainingScope Scope => arguments.GetValue(options.Train) ?? new TrainingScope(TrainableParameters.All);

    private LoraOptions? Lora() => Scope.Lora() is { } standard
        ? standard with
        {
            Alpha = arguments.GetValue(options.LoraAlpha) ?? standard.Alpha,
            Dropout = arguments.GetValue(options.LoraDropout) ?? standard.Dropout,
            Targets = arguments.GetValue(options.LoraTargets)?.Split(',', StringSplitOptions.TrimEntries)
                ?? standard.Targets,
        }
        : null;

    private OptimizerOptions OptimizerOptions()
    {
        var standard = new OptimizerOptions();
        return new OptimizerOptions(
            arguments.GetValue(options.Optimizer) == "sgd" ? OptimizerKind.Sgd : OptimizerKind.AdamW,
            arguments.GetValue(options.Beta1) ?? standard.Beta1,
            arguments.GetValue(options.Beta2) ?? standard.Beta2,
            arguments.GetValue(options.Epsilon) ?? standard.Epsilon,
            arguments.GetValue(options.WeightDecay) ?? standard.WeightDecay,
            arguments.GetValue(options.ClipNorm) ?? standard.ClipNorm);
    }

    private SamplingOptions Sampling(ModelReference model, TrainingDefaults defaults)
    {
        var standard = new SamplingOptions();
        var rules = options.SampleRules;
        var fitting = Math.Min(
            defaults.SampleLength,
            SamplingOptions.LengthThatFits(
                model.Shape.ContextLength, SamplePrompts.Max(prompt => prompt.Tokens.Count)));
        return standard with
        {
            Every = arguments.GetValue(options.SampleEvery) ?? defaults.SampleEvery,
            Count = Int(options.SampleNum) ?? standard.Count,
            Length = Int(options.SampleLength) ?? fitting,
            Prompt = SamplePrompts[0].Text,
            PromptTokens = SamplePrompts[0].Tokens,
            MorePrompts = SamplePrompts[1..],
            TopK = Int(options.TopK) ?? standard.TopK,
            TopP = arguments.GetValue(options.TopP) ?? standard.TopP,
            Temperature = arguments.GetValue(options.Temperature) ?? standard.Temperature,
            RepetitionPenalty = arguments.GetValue(rules.RepetitionPenalty) ?? standard.RepetitionPenalty,
            NoRepeatNgram = Int(rules.NoRepeatNgram) ?? standard.NoRepeatNgram,
            MinLength = Int(rules.MinLength) ?? standard.MinLength,
            Stops = arguments.GetValue(rules.Stop) ?? standard.Stops,
            IgnoreEndOfText = arguments.GetValue(rules.IgnoreEndOfText),
            IncludePrompt = arguments.GetValue(rules.IncludePrefix) != "no",
        };
    }

    /// <summary>The prompts of the samples, in order, a file's last; end-of-text where none is named.</summary>
    private SamplePrompt[] Prompts()
    {
        var texts = (arguments.GetValue(options.SamplePrompt) ?? []).ToList();
        if (arguments.GetValue(options.SamplePromptFile) is { } path)
            texts.Add(PromptFile.Read(options.SamplePromptFile.Name, path));
        var tokenizer = new Lazy<Gpt2Tokenizer>(() => new Gpt2Tokenizer(vocabulary ?? Gpt2Vocabulary.BuiltIn));
        var begin = vocabulary is null ? new SamplingOptions().PromptTokens : PromptText.Begin(vocabulary);
        return
        [
            .. texts.DefaultIfEmpty("").Select(text => text.Length == 0
                ? new SamplePrompt("", begin)
                : new SamplePrompt(text, PromptText.Encode(text, tokenizer.Value))),
        ];
    }

    private WorkerRange Workers()
    {
        var bounds = arguments.GetValue(options.Workers);
        return bounds is null
            ? new WorkerRange(1, null)
            : new WorkerRange(bounds.AtLeast, bounds.AtMost == int.MaxValue ? null : bounds.AtMost);
    }

    private int? Int(Option<long?> option) => Int(option.Name, arguments.GetValue(option));

    private static int? Int(string name, long? number) => number switch
    {
        null => null,
        <= int.MaxValue and var value => (int)value,
        var value => throw new UserErrorException($"{name} {value} is larger than any machine can hold."),
    };
}

using Gpt2Cluster.Core.Model;

namespace Gpt2Cluster.Core.Specification;

/// <summary>What an option of <c>train</c> is when the command does not name it.</summary>
public sealed record TrainingDefaults
{
    /// <summary><c>--steps</c>.</summary>
    public long Steps { get; init; } = 1000;

    /// <summary><c>--batch-size</c>.</summary>
    public int BatchSize { get; init; } = 2;

    /// <summary><c>--micro-batches</c>.</summary>
    public int MicroBatchCount { get; init; } = 8;

    /// <summary><c>--learning-rate</c>.</summary>
    public double LearningRate { get; init; } = 5e-5;

    /// <summary><c>--warmup</c>; null for <see cref="LearningRateSchedule.DefaultWarmup"/> of the steps.</summary>
    public long? WarmupSteps { get; init; }

    /// <summary><c>--sample-every</c>.</summary>
    public long SampleEvery { get; init; } = 100;

    /// <summary><c>--sample-length</c>; lowered to what fits the context behind the prompt.</summary>
    public int SampleLength { get; init; } = SamplingOptions.DefaultLength;

    /// <summary><c>--save-every</c>.</summary>
    public long SaveEvery { get; init; } = 200;

    /// <summary><c>--val-every</c>.</summary>
    public long ValidateEvery { get; init; } = 100;
}

/// <summary>A model known by name.</summary>
/// <param name="Name">Its name in the store and behind <c>scratch:</c>.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="ScratchDefaults">The defaults for training it from fresh weights.</param>
public sealed record Preset(string Name, ModelShape Shape, TrainingDefaults ScratchDefaults)
{
    /// <summary>Other names, OpenAI's counts of parameters in millions: <c>345M</c>, <c>355M</c>.</summary>
    public IReadOnlyList<string> Aliases { get; init; } = [];

    /// <summary>Its repository on the hub; null for a model that nobody has published.</summary>
    public string? Repository { get; init; }

    /// <summary>Whether that is its name or an alias, in any case of letters.</summary>
    public bool IsCalled(string name) =>
        string.Equals(Name, name, StringComparison.OrdinalIgnoreCase)
        || Aliases.Contains(name, StringComparer.OrdinalIgnoreCase);
}

/// <summary>The models known by name, and every default number of training, in one place.</summary>
public static class Presets
{
    private const int Gpt2Vocabulary = 50257;
    private const int Gpt2Context = 1024;

    private static readonly TrainingDefaults FromScratch = new() { LearningRate = 3e-4 };

    /// <summary>The defaults of every model that is not <c>scratch:</c>.</summary>
    public static TrainingDefaults FineTuning { get; } = new();

    /// <summary>All presets, smallest first.</summary>
    public static IReadOnlyList<Preset> All { get; } =
    [
        new("tiny", new ModelShape(Gpt2Vocabulary, 128, 128, 4, 4), new TrainingDefaults
        {
            Steps = 200,
            BatchSize = 4,
            MicroBatchCount = 2,
            LearningRate = 2e-3,
            WarmupSteps = 20,
            SampleEvery = 50,
            SampleLength = 100,
            SaveEvery = 100,
            ValidateEvery = 50,
        }),
        OfOpenAi("gpt2", ["117M", "124M"], width: 768, headCount: 12, layerCount: 12),
        OfOpenAi("gpt2-medium", ["345M", "355M"], width: 1024, headCount: 16, layerCount: 24),
        OfOpenAi("gpt2-large", ["774M"], width: 1280, headCount: 20, layerCount: 36),
        OfOpenAi("gpt2-xl", ["1558M"], width: 1600, headCount: 25, layerCount: 48),
    ];

    /// <summary>Those whose trained weights can be fetched, OpenAI's four sizes, smallest first.</summary>
    public static IReadOnlyList<Preset> Published { get; } = [.. All.Where(preset => preset.Repository is not null)];

    /// <summary>
    /// The published model of that name or alias, in any case of letters; null if there is none.
    /// </summary>
    public static Preset? FindPublished(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return Published.FirstOrDefault(preset => preset.IsCalled(name));
    }

    /// <summary>
    /// A model's name in the store: <c>124m</c> is <c>gpt2</c>; the name of any other model is itself.
    /// </summary>
    public static string Canonical(string model) => FindPublished(model)?.Name ?? model;

    /// <summary>
    /// The preset behind a model's name, alias or <c>scratch:</c> name, in any case of letters; null if there is none.
    /// </summary>
    public static Preset? Find(string model)
    {
        ArgumentNullException.ThrowIfNull(model);
        var name = IsScratch(model) ? model[ModelReference.ScratchPrefix.Length..] : model;
        return All.FirstOrDefault(preset => preset.IsCalled(name));
    }

    /// <summary>The preset of a <c>scratch:</c> name.</summary>
    /// <exception cref="UserErrorException">There is none of that name.</exception>
    public static Preset Scratch(string model) =>
        IsScratch(model) && Find(model) is { } preset
            ? preset
            : throw new UserErrorException(
                $"There is no preset '{model}'; choose one of "
                + $"{string.Join(", ", All.Select(preset => ModelReference.ScratchPrefix + preset.Name))}.");

    /// <summary>The defaults that go with a model's name.</summary>
    public static TrainingDefaults DefaultsOf(string model) =>
        IsScratch(model) ? Scratch(model).ScratchDefaults : FineTuning;

    private static Preset OfOpenAi(string name, string[] aliases, int width, int headCount, int layerCount) =>
        new(name, new ModelShape(Gpt2Vocabulary, Gpt2Context, width, headCount, layerCount), FromScratch)
        {
            Aliases = aliases,
            Repository = $"openai-community/{name}",
        };

    private static bool IsScratch(string model) =>
        model.StartsWith(ModelReference.ScratchPrefix, StringComparison.Ordinal);
}

namespace Gpt2Cluster.Compute.Benchmarks;

/// <summary>A model and the rows of a micro-batch.</summary>
/// <param name="Model">A preset.</param>
/// <param name="BatchSize">Windows.</param>
/// <param name="SequenceLength">Tokens of a window.</param>
internal record Size(string Model, int BatchSize, int SequenceLength)
{
    /// <summary>As options of a command.</summary>
    public virtual IReadOnlyList<string> Arguments =>
        ["--model", Model, "--batch-size", $"{BatchSize}", "--sequence-length", $"{SequenceLength}"];

    /// <inheritdoc/>
    public sealed override string ToString() => $"{Model} {Described}{BatchSize} x {SequenceLength}";

    /// <summary>What else people must know.</summary>
    protected virtual string Described => "";
}

/// <summary>A step to measure.</summary>
/// <param name="Model">A preset.</param>
/// <param name="BatchSize">Windows.</param>
/// <param name="SequenceLength">Tokens of a window.</param>
/// <param name="Scope">What is trained.</param>
/// <param name="Otherwise">What is measured where this does not fit; null if it must.</param>
internal sealed record StepSize(
    string Model, int BatchSize, int SequenceLength, string Scope = "all", StepSize? Otherwise = null)
    : Size(Model, BatchSize, SequenceLength)
{
    /// <summary>Whether everything is trained, which PyTorch's model does too.</summary>
    public bool IsFull => Scope == "all";

    /// <inheritdoc/>
    public override IReadOnlyList<string> Arguments =>
        IsFull ? base.Arguments : [.. base.Arguments, "--train", Scope];

    /// <inheritdoc/>
    protected override string Described => IsFull ? "" : Scope + " ";
}

/// <summary>What first light tries on a kind of device.</summary>
/// <param name="TorchDevice">The device as PyTorch names it.</param>
/// <param name="TestClasses">The tests that run on it.</param>
/// <param name="Repeat">The micro-batch that is hashed.</param>
/// <param name="Times">How often.</param>
/// <param name="Steps">The steps that are measured.</param>
/// <param name="StepCount">How many of each, the warm-up included.</param>
/// <param name="Shortage">Options of <c>out-of-memory</c>.</param>
internal sealed record FirstLightSizes(
    string TorchDevice,
    IReadOnlyList<string> TestClasses,
    Size Repeat,
    int Times,
    IReadOnlyList<StepSize> Steps,
    int StepCount,
    IReadOnlyList<string> Shortage)
{
    /// <summary>A card with 24 GB or more, in under eight minutes.</summary>
    public static FirstLightSizes OfCard { get; } = new(
        "cuda:0",
        [
            "GoldenNumericsTests", "SameBitsTests", "LoraGoldenTests", "LoraBitsTests", "RouteTwinTests",
            "VocabularyChunkTests", "NotFiniteTests", "TokenGradientTests", "FailedUpdateTests", "GenerationTests",
        ],
        new Size("gpt2", 16, 1024),
        20,
        [
            new StepSize("gpt2", 16, 1024, Otherwise: new StepSize("gpt2", 4, 1024)),
            new StepSize("gpt2-medium", 8, 1024, Otherwise: new StepSize("gpt2-medium", 4, 1024, "lora:8")),
            new StepSize("gpt2-xl", 4, 1024, Otherwise: new StepSize("gpt2-xl", 2, 1024, "lora:8")),
        ],
        8,
        ["--batch-size", "16", "--sequence-length", "1024", "--width", "1536", "--layers", "2"]);

    /// <summary>Two cores of a processor, in under a minute: that the way to the table is open.</summary>
    public static FirstLightSizes OfProcessor { get; } = new(
        "cpu",
        ["GoldenNumericsTests"],
        new Size("tiny", 1, 64),
        20,
        [new StepSize("tiny", 2, 128), new StepSize("tiny", 4, 64), new StepSize("tiny", 2, 128, "lora:8")],
        5,
        // In bf16, oneDNN ends the process when it has no memory for a product's code.
        ["--batch-size", "8", "--sequence-length", "1024", "--width", "128", "--layers", "1", "--precision", "fp32"]);
}

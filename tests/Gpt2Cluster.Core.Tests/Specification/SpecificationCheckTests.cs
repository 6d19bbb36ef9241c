using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Tests.Specification;

public sealed class SpecificationCheckTests
{
    public static TheoryData<string, Func<RunSpecification, RunSpecification>> Mistakes { get; } = new()
    {
        { "--steps must be 1 or more, not 0.", s => s with { Steps = 0, Schedule = new(ScheduleKind.Linear, 1, 0) } },
        { "--steps must be 549755813887 or less", s => s with { Steps = long.MaxValue } },
        { "--batch-size must be 1 to 4096, not 0.", s => s with { BatchSize = 0 } },
        { "--batch-size must be 1 to 4096, not 2147483647.", s => s with { BatchSize = int.MaxValue } },
        { "--micro-batches must be 1 to 4096, not 0.", s => s with { MicroBatchCount = 0 } },
        { "--sequence-length 129 is beyond the context of 128 tokens", s => s with { SequenceLength = 129 } },
        { "--sequence-length must be 1 or more", s => s with { SequenceLength = 0 } },
        { "--learning-rate must be above 0, not 0.", s => s with { Schedule = s.Schedule with { Peak = 0 } } },
        { "--learning-rate must be above 0", s => s with { Schedule = s.Schedule with { Peak = double.NaN } } },
        { "--warmup must be 0 to --steps (1000)", s => s with { Schedule = s.Schedule with { WarmupSteps = 1001 } } },
        { "--beta1 must be 0 or more and below 1", s => s with { Optimizer = s.Optimizer with { Beta1 = 1 } } },
        { "--beta2 must be 0 or more and below 1", s => s with { Optimizer = s.Optimizer with { Beta2 = -1 } } },
        { "--epsilon must be above 0", s => s with { Optimizer = s.Optimizer with { Epsilon = 0 } } },
        { "--weight-decay must be 0 or more", s => s with { Optimizer = s.Optimizer with { WeightDecay = -1 } } },
        { "--clip-norm must be 0 or more", s => s with { Optimizer = s.Optimizer with { ClipNorm = -1 } } },
        { "--dropout must be 0 or more and below 1", s => s with { Dropout = 1 } },
        { "--noise must be 0 to 1", s => s with { Noise = 1.5 } },
        { "--workers must be N or MIN..MAX", s => s with { Workers = new WorkerRange(3, 2) } },
        { "--threads-per-worker must be 1 to 1024, not 0.", s => s with { ThreadsPerWorker = 0 } },
        { "--threads-per-worker must be 1 to 1024, not 1025.", s => s with { ThreadsPerWorker = 1025 } },
        { "--save-every must be 0 or more", s => s with { SaveEvery = -1 } },
        { "--keep must be 1 or more", s => s with { Keep = 0 } },
        { "--val-every must be 0 or more", s => s with { ValidateEvery = -1 } },
        { "--early-stop must be 0 or more", s => s with { EarlyStop = -1 } },
        { "--early-stop needs a validation", s => s with { EarlyStop = 2, ValidateEvery = 0 } },
        { "--sample-every must be 0 or more", s => s with { Sampling = s.Sampling with { Every = -1 } } },
        { "--sample-num must be 1 to 1024, not 0.", s => s with { Sampling = s.Sampling with { Count = 0 } } },
        { "--sample-num must be 1 to 1024", s => s with { Sampling = s.Sampling with { Count = int.MaxValue } } },
        { "--sample-length must be 1 or more", s => s with { Sampling = s.Sampling with { Length = 0 } } },
        { "beyond the context of 128 tokens", s => s with { Sampling = s.Sampling with { Length = 128 } } },
        {
            "--sample-num must be 1 to 512 for each of 2 prompts, not 513.",
            s => s with { Sampling = s.Sampling with { Count = 513, MorePrompts = [new("", [50256])] } }
        },
        {
            "outside the vocabulary",
            s => s with { Sampling = s.Sampling with { MorePrompts = [new("?", [50257])] } }
        },
        { "--sample-repetition-penalty", s => s with { Sampling = s.Sampling with { RepetitionPenalty = 0 } } },
        { "--sample-no-repeat-ngram", s => s with { Sampling = s.Sampling with { NoRepeatNgram = -1 } } },
        { "--sample-min-length 101 is", s => s with { Sampling = s.Sampling with { MinLength = 101 } } },
        { "--sample-stop takes", s => s with { Sampling = s.Sampling with { Stops = ["x", ""] } } },
        { "--top-k must be 0 or more", s => s with { Sampling = s.Sampling with { TopK = -1 } } },
        { "--top-p must be 0 to 1", s => s with { Sampling = s.Sampling with { TopP = 2 } } },
        { "--temperature must be 0 or more", s => s with { Sampling = s.Sampling with { Temperature = -1 } } },
        { "--sample-prompt has no tokens", s => s with { Sampling = s.Sampling with { PromptTokens = [] } } },
        { "outside the vocabulary", s => s with { Sampling = s.Sampling with { PromptTokens = [50257] } } },
        { "at least 2 are needed.", s => s with { Dataset = s.Dataset with { TrainingTokenCount = 1 } } },
        { "1 validation tokens", s => s with { Dataset = s.Dataset with { ValidationTokenCount = 1 } } },
        { "--model run:a names no checkpoint", s => s with { Model = s.Model with { Name = "run:a", Step = 2 } } },
        { "the layer count", s => s with { Model = s.Model with { Shape = s.Model.Shape with { LayerCount = 0 } } } },
        {
            "the layer count",
            s => s with { Model = s.Model with { Shape = s.Model.Shape with { LayerCount = 1025 } } }
        },
        { "the width", s => s with { Model = s.Model with { Shape = s.Model.Shape with { Width = 65536 + 4 } } } },
    };

    [Fact]
    public void A_sound_specification_has_no_errors() => Assert.Empty(SpecificationCheck.Errors(Specifications.Sound));

    [Theory]
    [MemberData(nameof(Mistakes), DisableDiscoveryEnumeration = true)]
    public void Each_mistake_has_one_sentence(string sentence, Func<RunSpecification, RunSpecification> mistake)
    {
        var error = Assert.Single(SpecificationCheck.Errors(mistake(Specifications.Sound)));
        Assert.Contains(sentence, error);
        Assert.EndsWith(".", error);
    }

    [Theory]
    [InlineData(1e300)]
    [InlineData(1.4e39)] // A quarter of it is beyond the largest fp32 number, 3.4e38.
    [InlineData(4e-38)] // A quarter of it is below the smallest normal one, 1.2e-38.
    [InlineData(1e-300)]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void A_scale_of_adapters_that_fp32_does_not_hold_has_one_sentence(double alpha)
    {
        var error = Assert.Single(SpecificationCheck.Errors(Adapted(alpha)));
        Assert.StartsWith("--lora-alpha must be above 0", error);
        Assert.EndsWith(".", error);
    }

    [Theory]
    [InlineData(1.3e39)]
    [InlineData(4.8e-38)]
    [InlineData(0.5)]
    public void A_scale_of_adapters_that_fp32_holds_is_fine(double alpha) =>
        Assert.Empty(SpecificationCheck.Errors(Adapted(alpha)));

    private static RunSpecification Adapted(double alpha) => Specifications.Sound with
    {
        Trainable = TrainableParameters.Lora,
        Lora = new LoraOptions { Rank = 4, Alpha = alpha },
    };

    [Fact]
    public void All_errors_come_at_once()
    {
        var bad = Specifications.Sound with { Steps = 0, BatchSize = 0, Dropout = 2, Keep = 0 };
        Assert.Equal(5, SpecificationCheck.Errors(bad).Count);
    }
}

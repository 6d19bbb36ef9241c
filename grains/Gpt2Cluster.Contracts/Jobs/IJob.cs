using Gpt2Cluster.Core.Model;

namespace Gpt2Cluster.Contracts.Jobs;

/// <summary>What gives parameters.</summary>
public enum ParameterSourceKind
{
    /// <summary>A preset, whose weights are drawn.</summary>
    Scratch,

    /// <summary>A model of the store.</summary>
    Model,

    /// <summary>A run's checkpoint.</summary>
    Run,
}

/// <summary>Where parameters come from.</summary>
[GenerateSerializer, Immutable, Alias("gpt2.parameter-source.v1")]
public sealed record ParameterSource
{
    /// <summary>What gives them.</summary>
    [Id(0)]
    public required ParameterSourceKind Kind { get; init; }

    /// <summary>The preset's, the stored model's or the run's name.</summary>
    [Id(1)]
    public required string Name { get; init; }

    /// <summary>For a run: <c>best</c>, <c>last</c> or a step's number.</summary>
    [Id(2)]
    public string Checkpoint { get; init; } = "last";

    /// <summary>For scratch: the seed of the weights.</summary>
    [Id(3)]
    public ulong Seed { get; init; } = 1;
}

/// <summary>What a job is to do; exactly one of the wishes is set.</summary>
[GenerateSerializer, Immutable, Alias("gpt2.job-request.v1")]
public sealed record JobRequest
{
    /// <summary>Text to generate.</summary>
    [Id(0)]
    public GenerateRequest? Generate { get; init; }

    /// <summary>A model to evaluate.</summary>
    [Id(1)]
    public EvaluateRequest? Evaluate { get; init; }

    /// <summary>Training steps to time.</summary>
    [Id(2)]
    public BenchStepRequest? BenchStep { get; init; }

    /// <summary>Generation to time.</summary>
    [Id(3)]
    public BenchGenerateRequest? BenchGenerate { get; init; }

    /// <summary>The averaging to time; the same request goes to one job on each silo.</summary>
    [Id(4)]
    public BenchExchangeRequest? BenchExchange { get; init; }

    /// <summary>The machine to describe.</summary>
    [Id(5)]
    public DoctorRequest? Doctor { get; init; }
}

/// <summary>Text to generate.</summary>
[GenerateSerializer, Immutable, Alias("gpt2.generate-wish.v1")]
public sealed record GenerateRequest
{
    /// <summary>The model.</summary>
    [Id(0)]
    public required ParameterSource Source { get; init; }

    /// <summary>The text to continue; empty for end-of-text.</summary>
    [Id(1)]
    public string Prompt { get; init; } = "";

    /// <summary>
    /// Tokens to add; null for <see cref="Core.Specification.SamplingOptions.DefaultLength"/> or what fits the
    /// model's context behind the prompt.
    /// </summary>
    [Id(2)]
    public int? Length { get; init; }

    /// <summary>Samples.</summary>
    [Id(3)]
    public int Count { get; init; } = 1;

    /// <summary>0 is greedy.</summary>
    [Id(4)]
    public double Temperature { get; init; } = 1.0;

    /// <summary>0 for all.</summary>
    [Id(5)]
    public int TopK { get; init; } = 40;

    /// <summary>0 for all.</summary>
    [Id(6)]
    public double TopP { get; init; }

    /// <summary>The seed of the draws.</summary>
    [Id(7)]
    public ulong Seed { get; init; } = 1;

    /// <summary><c>int8</c>, <c>bf16</c>, <c>fp32</c> or null for the device's better one of the last two.</summary>
    [Id(8)]
    public string? Precision { get; init; }

    /// <summary>Above 0; 1 is off.</summary>
    [Id(9)]
    public double RepetitionPenalty { get; init; } = 1.0;

    /// <summary>No sequence of so many tokens comes twice; 0 is off.</summary>
    [Id(10)]
    public int NoRepeatNgram { get; init; }

    /// <summary>Tokens before the end-of-text token may come.</summary>
    [Id(11)]
    public int MinLength { get; init; }

    /// <summary>Texts of which the first that comes ends a sample; none is empty.</summary>
    [Id(12)]
    public string[] Stops { get; init; } = [];

    /// <summary>Whether samples go on behind the end-of-text token, which is not shown.</summary>
    [Id(13)]
    public bool IgnoreEndOfText { get; init; }
}

/// <summary>A model to evaluate on a stored dataset.</summary>
[GenerateSerializer, Immutable, Alias("gpt2.evaluate-wish.v1")]
public sealed record EvaluateRequest
{
    /// <summary>The model.</summary>
    [Id(0)]
    public required ParameterSource Source { get; init; }

    /// <summary>The dataset's hash.</summary>
    [Id(1)]
    public required string DatasetHash { get; init; }

    /// <summary><c>bf16</c>, <c>fp32</c> or null for the device's better one.</summary>
    [Id(2)]
    public string? Precision { get; init; }
}

/// <summary>Training steps to time.</summary>
[GenerateSerializer, Immutable, Alias("gpt2.bench-step-wish.v1")]
public sealed record BenchStepRequest
{
    /// <summary>A preset's name.</summary>
    [Id(0)]
    public required string Preset { get; init; }

    /// <summary>Windows a micro-batch.</summary>
    [Id(1)]
    public required int BatchSize { get; init; }

    /// <summary>Tokens a window.</summary>
    [Id(2)]
    public required int SequenceLength { get; init; }

    /// <summary><c>bf16</c> or <c>fp32</c>.</summary>
    [Id(3)]
    public required string Precision { get; init; }

    /// <summary>Steps, more than 2.</summary>
    [Id(4)]
    public required int Steps { get; init; }

    /// <summary>Intra-op threads; null for all cores.</summary>
    [Id(5)]
    public int? Threads { get; init; }

    /// <summary>What is trained, as <c>--train</c> names it.</summary>
    [Id(6)]
    public string Train { get; init; } = "all";

    /// <summary>Whether blocks are computed again in the backward pass.</summary>
    [Id(7)]
    public bool Recompute { get; init; }

    /// <summary>The model's shape in place of the preset's; mostly null.</summary>
    [Id(8)]
    public ModelShape? Shape { get; init; }
}

/// <summary>Generation to time.</summary>
[GenerateSerializer, Immutable, Alias("gpt2.bench-generate-wish.v1")]
public sealed record BenchGenerateRequest
{
    /// <summary>A preset's name.</summary>
    [Id(0)]
    public required string Preset { get; init; }

    /// <summary>Tokens a sample.</summary>
    [Id(1)]
    public required int Length { get; init; }

    /// <summary>Samples at once.</summary>
    [Id(2)]
    public required int Count { get; init; }

    /// <summary><c>int8</c>, <c>bf16</c>, <c>fp32</c> or null for the device's better one of the last two.</summary>
    [Id(3)]
    public string? Precision { get; init; }
}

/// <summary>The averaging to time.</summary>
[GenerateSerializer, Immutable, Alias("gpt2.bench-exchange-wish.v1")]
public sealed record BenchExchangeRequest
{
    /// <summary>Values to average, fp32.</summary>
    [Id(0)]
    public required long Floats { get; init; }

    /// <summary>Rounds to time.</summary>
    [Id(1)]
    public required int Rounds { get; init; }

    /// <summary>Names of the silos that take part, in order.</summary>
    [Id(2)]
    public required string[] Silos { get; init; }
}

/// <summary>The machine to describe.</summary>
[GenerateSerializer, Immutable, Alias("gpt2.doctor-wish.v1")]
public sealed record DoctorRequest;

/// <summary>One event of a job, as a JSON object with an <c>event</c> field.</summary>
/// <param name="Sequence">1 and up, without gaps.</param>
/// <param name="Json">One line of JSON. The last one has <c>event</c> = <c>result</c> or <c>error</c>.</param>
[GenerateSerializer, Immutable, Alias("gpt2.job-event.v1")]
public sealed record JobEventLine([property: Id(0)] long Sequence, [property: Id(1)] string Json);

/// <summary>Tensor work outside of runs, on one device: generate, evaluate, bench, doctor.</summary>
[Alias("gpt2.job")]
public interface IJob : IGrainWithStringKey
{
    /// <summary>Starts the work on a thread of its own and returns at once.</summary>
    [Alias("start")]
    Task Start(JobRequest request);

    /// <summary>The events after a sequence number; waits up to 5 s for the first one.</summary>
    [Alias("events-after")]
    Task<JobEventLine[]> EventsAfter(long sequence);

    /// <summary>Ends the work as soon as possible.</summary>
    [Alias("cancel")]
    Task Cancel();
}

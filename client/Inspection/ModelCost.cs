using System.Text.Json.Nodes;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Core.Windows;

namespace Gpt2Cluster.Client.Inspection;

/// <summary>What a run of a preset on a corpus would take, at its defaults.</summary>
/// <param name="Model">The preset's name.</param>
/// <param name="WindowCount">Windows of the whole corpus.</param>
/// <param name="TrainingWindowCount">Windows of what is trained on.</param>
/// <param name="SequenceLength">T.</param>
/// <param name="StepWindows">Windows of a step.</param>
/// <param name="ParameterCount">Parameters.</param>
/// <param name="MemoryBytes">Of a worker that trains all of them.</param>
/// <param name="AdapterMemoryBytes">Of a worker that trains adapters.</param>
internal sealed record ModelCost(
    string Model,
    long WindowCount,
    long TrainingWindowCount,
    int SequenceLength,
    int StepWindows,
    long ParameterCount,
    long MemoryBytes,
    long AdapterMemoryBytes)
{
    /// <summary>The rank of the adapters whose memory is told beside that of full training.</summary>
    public const int AdapterRank = 8;

    /// <summary>Operations of a token's forward and backward pass by parameter (Kaplan et al. 2020).</summary>
    private const double OperationsPerParameter = 6;

    /// <summary>Parameters and two moments, fp32.</summary>
    private const long CheckpointBytesPerParameter = 12;

    /// <summary>Steps of one pass over what is trained on, 1 or more.</summary>
    public long StepsPerEpoch => Math.Max(1, TrainingWindowCount / StepWindows);

    /// <summary>Of one checkpoint of full training.</summary>
    public long CheckpointBytes => CheckpointBytesPerParameter * ParameterCount;

    /// <summary>Looks at a preset.</summary>
    /// <param name="preset">The preset.</param>
    /// <param name="tokenCount">Tokens of the corpus.</param>
    /// <param name="trainingTokens">How many of them are trained on, where T is this.</param>
    public static ModelCost Of(Preset preset, long tokenCount, Func<int, long> trainingTokens)
    {
        var length = (int)Math.Min(preset.Shape.ContextLength, tokenCount - 1);
        var training = new WindowLayout(trainingTokens(length), length).WindowCount;
        var defaults = preset.Name == "tiny" ? preset.ScratchDefaults : Presets.FineTuning;
        return new ModelCost(
            preset.Name,
            new WindowLayout(tokenCount, length).WindowCount,
            training,
            length,
            defaults.BatchSize * defaults.MicroBatchCount,
            new ParameterLayout(preset.Shape).Length,
            MemoryOf(preset.Shape, defaults, length, new TrainingScope(TrainableParameters.All)),
            MemoryOf(preset.Shape, defaults, length, new TrainingScope(TrainableParameters.Lora, AdapterRank)));
    }

    /// <summary>For programs.</summary>
    public JsonObject Fields() => new()
    {
        ["model"] = Model,
        ["windows"] = WindowCount,
        ["training_windows"] = TrainingWindowCount,
        ["sequence_length"] = SequenceLength,
        ["steps_per_epoch"] = StepsPerEpoch,
        ["operations_per_epoch"] = OperationsPerParameter * ParameterCount * TrainingWindowCount * SequenceLength,
        ["memory_bytes"] = MemoryBytes,
        ["memory_bytes_with_adapters"] = AdapterMemoryBytes,
        ["checkpoint_bytes"] = CheckpointBytes,
    };

    private static long MemoryOf(ModelShape shape, TrainingDefaults defaults, int length, TrainingScope scope) =>
        MemoryEstimate.Of(MemoryEstimate.DemandOf(shape, defaults, length, scope, Precision.BFloat16)).TotalBytes;
}

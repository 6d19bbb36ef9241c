using Gpt2Cluster.Client.Output;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Client.Training;

/// <summary>The defaults of the presets, for the help page.</summary>
internal static class PresetDefaults
{
    /// <summary>One line for each preset that has defaults of its own.</summary>
    public static string Lines => string.Join(
        Environment.NewLine,
        Presets.All.Select(preset => Line(preset)).Prepend("Defaults of the scratch: presets:"));

    private static string Line(Preset preset)
    {
        var (own, shape) = (preset.ScratchDefaults, preset.Shape);
        var words = new List<string>
        {
            $"--steps {own.Steps}",
            $"--batch-size {own.BatchSize}",
            $"--micro-batches {own.MicroBatchCount}",
            $"--learning-rate {Formats.Rate(own.LearningRate)}",
            $"--sample-every {own.SampleEvery}",
            $"--sample-length {Math.Min(own.SampleLength, shape.ContextLength - 1)}",
            $"--save-every {own.SaveEvery}",
            $"--val-every {own.ValidateEvery}",
        };
        if (own.WarmupSteps is { } warmup)
            words.Insert(4, $"--warmup {warmup}");
        return $"  {ModelReference.ScratchPrefix}{preset.Name} ({shape.LayerCount} layers, width {shape.Width}, "
            + $"context {shape.ContextLength}): {string.Join(" ", words)}";
    }
}

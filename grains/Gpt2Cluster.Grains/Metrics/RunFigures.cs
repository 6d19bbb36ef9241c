using Gpt2Cluster.Core.Runs;

namespace Gpt2Cluster.Grains.Metrics;

/// <summary>The newest figures of one run; what was never told is not shown.</summary>
public sealed class RunFigures
{
    /// <summary>Steps in all.</summary>
    public long? StepsPlanned { get; set; }

    /// <summary>The last committed step.</summary>
    public StepCommitted? LastStep { get; set; }

    /// <summary>Nats per token.</summary>
    public double? ValidationLoss { get; set; }

    /// <summary>Tokens trained on since this silo took the run up.</summary>
    public long TokenCount { get; set; }

    /// <summary>Workers that serve the run; null when it rests and needs none.</summary>
    public int? LiveWorkers { get; set; }

    /// <summary>Version of the membership.</summary>
    public int? Generation { get; set; }

    /// <summary>Time stamp of the newest checkpoint.</summary>
    public long? CheckpointAt { get; set; }
}

using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Runs.State;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Runs.Planning;

/// <summary>
/// What to do about a run that cannot go on as it was specified: nothing of that can be changed on resuming.
/// </summary>
public static class Advice
{
    /// <summary>
    /// Another run, of other options, that goes on from this one's weights if there are any to go on from.
    /// </summary>
    /// <param name="specification">Of the run that cannot go on.</param>
    /// <param name="options">What to say instead: "a lower --learning-rate".</param>
    /// <param name="hasWeights">
    /// Whether a checkpoint is there, or will be when this is read; null if whoever says it does not know.
    /// </param>
    public static string NewRun(RunSpecification specification, string options, bool? hasWeights)
    {
        ArgumentNullException.ThrowIfNull(specification);
        return hasWeights switch
        {
            true => $"Go on from its weights in a new run: --run NEW --model run:{specification.Run} with {options}.",
            false => $"Submit a new run: --run NEW with {options}.",
            null => $"Submit a new run: --run NEW with {options}, and with --model run:{specification.Run} to go on "
                + "from this one's newest checkpoint if it has one.",
        };
    }

    /// <summary>
    /// Another run that takes less memory, by what this one does not do already, or this one where there is more.
    /// </summary>
    /// <param name="specification">Of the run that has no memory.</param>
    public static string LessMemory(RunSpecification specification)
    {
        ArgumentNullException.ThrowIfNull(specification);
        var less = new List<string>();
        if (specification.BatchSize > 1)
            less.Add($"a smaller --batch-size (now {specification.BatchSize})");
        if (!specification.Recompute)
            less.Add("--recompute");
        if (specification.Trainable != TrainableParameters.Lora)
            less.Add("--train lora:8");
        const string more = "Resume it on devices with more memory";
        if (less.Count == 0)
            return $"{more}, or choose a smaller model: the run does already what takes less.";
        var options = less.Count == 1 ? less[0] : $"{string.Join(", ", less.SkipLast(1))} or {less[^1]}";
        return $"{more}. Or {LowerFirst(NewRun(specification, options, hasWeights: null))}";
    }

    /// <summary>A sentence that goes on behind other words.</summary>
    internal static string LowerFirst(string sentence) => char.ToLowerInvariant(sentence[0]) + sentence[1..];

    /// <summary>What the cluster has for a run that waits for workers.</summary>
    internal static string WorkersThere(RunRecord record, ClusterOffer cluster) =>
        (cluster.OtherDeviceCount, record.Devices) switch
        {
            (0, _) => $"{cluster.WorkerCount}",
            (var others, { } devices) => $"{cluster.WorkerCount} of its devices ({devices}) and {others} others",
            var (others, _) => "too few of one class for --device "
                + $"{record.Specification.Device?.Word() ?? DeviceKinds.Auto}, and {others} in all",
        };
}

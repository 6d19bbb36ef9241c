using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Runs;

/// <summary>
/// What to do about a run that cannot go on as it was specified: nothing of that can be changed on resuming.
/// </summary>
internal static class Advice
{
    /// <summary>
    /// Another run, of other options, that goes on from this one's weights if there are any to go on from.
    /// </summary>
    /// <param name="specification">Of the run that cannot go on.</param>
    /// <param name="options">What to say instead: "a lower --learning-rate".</param>
    /// <param name="hasWeights">Whether a checkpoint is there, or will be when this is read.</param>
    public static string NewRun(RunSpecification specification, string options, bool hasWeights) => hasWeights
        ? $"Go on from its weights in a new run: --run NEW --model run:{specification.Run} with {options}."
        : $"Submit a new run: --run NEW with {options}.";

    /// <summary>What the cluster has for a run that waits for workers.</summary>
    public static string WorkersThere(Turn turn) => (turn.State.OtherDeviceCount, turn.Record.Devices) switch
    {
        (0, _) => $"{turn.State.ClusterWorkerCount}",
        (var others, { } devices) => $"{turn.State.ClusterWorkerCount} of its devices ({devices}) and {others} others",
        var (others, _) => "too few of one class for --device "
            + $"{turn.Specification.Device?.Word() ?? DeviceKinds.Auto}, and {others} in all",
    };
}

using Gpt2Cluster.Contracts.Runs;
using Gpt2Cluster.Core.Runs;

namespace Gpt2Cluster.Simulator.Schedules;

/// <summary>
/// The stops a run may come to without being done. Every other one is a defect.
/// </summary>
internal static class NamedStop
{
    /// <summary>Somebody paused it; it goes on when it is resumed.</summary>
    public const string Paused = "paused by request";

    /// <summary>A gradient was not finite and the run says <c>--on-nan stop</c>: it ends before that step.</summary>
    public const string NotFinite = "not finite, on-nan stop";

    /// <summary>The last checkpoint could not be written three times: disks are full. It can be resumed.</summary>
    public const string NotSaved = "the last checkpoint could not be saved";

    /// <summary>The last worker was in trouble three times. It goes on when resumed.</summary>
    public const string Trouble = "the last worker was in trouble";

    /// <summary>The name of a run's stop; null if it has none.</summary>
    public static string? Of(RunDescription run) => Of(run.Summary.Status, run.Record.Remark);

    private static string? Of(RunStatus status, string? remark) => remark switch
    {
        _ when status == RunStatus.Paused => Paused,
        null => null,
        _ when remark.Contains("is not finite", StringComparison.Ordinal) => NotFinite,
        _ when remark.Contains("could not be saved", StringComparison.Ordinal) => NotSaved,
        _ when remark.Contains("No worker is left", StringComparison.Ordinal) => Trouble,
        _ => null,
    };
}

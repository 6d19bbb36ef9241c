using Gpt2Cluster.Contracts.Runs.Events;

namespace Gpt2Cluster.Client.Watching;

/// <summary>What the end of a run means to a command.</summary>
internal static class RunEnds
{
    /// <summary>Whether a run of this status does nothing until somebody asks for it.</summary>
    public static bool IsOver(string status) => status is EndStatus.Completed or EndStatus.EarlyStopped
        or EndStatus.Cancelled or EndStatus.Failed or EndStatus.Paused;

    /// <summary>The exit code of an end.</summary>
    public static int ExitCodeOf(string status, bool wasInterrupted) => status switch
    {
        EndStatus.Completed or EndStatus.EarlyStopped => ExitCodes.Done,
        EndStatus.Paused => wasInterrupted ? ExitCodes.Interrupted : ExitCodes.Done,
        _ => ExitCodes.Failed,
    };
}

using Gpt2Cluster.Core.Runs;

namespace Gpt2Cluster.Client.Watching;

/// <summary>What the end of a run means to a command.</summary>
internal static class RunEnds
{
    /// <summary>The exit code of an end.</summary>
    public static int ExitCodeOf(RunStatus status, bool wasInterrupted) => status switch
    {
        RunStatus.Completed or RunStatus.EarlyStopped => ExitCodes.Done,
        RunStatus.Paused => wasInterrupted ? ExitCodes.Interrupted : ExitCodes.Done,
        _ => ExitCodes.Failed,
    };
}

using System.Diagnostics.CodeAnalysis;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.LocalCluster;

namespace Gpt2Cluster.Client;

/// <summary>The command ends here, with one sentence for the user and an exit code.</summary>
/// <param name="exitCode">One of <see cref="ExitCodes"/>.</param>
/// <param name="message">One sentence.</param>
/// <param name="cause">What led to it; null if nothing did.</param>
[SuppressMessage("Design", "CA1032", Justification = "Without an exit code it has no meaning.")]
[SuppressMessage("Design", "CA1064", Justification = "It never leaves this assembly.")]
internal sealed class ClientException(int exitCode, string message, Exception? cause = null)
    : Exception(message, cause)
{
    /// <summary>One of <see cref="ExitCodes"/>.</summary>
    public int ExitCode => exitCode;

    /// <summary>The local cluster cannot be had, or does not end.</summary>
    public static ClientException Of(LocalClusterException problem) => new(
        problem.Fault switch
        {
            LocalClusterFault.BadInput => ExitCodes.BadInput,
            LocalClusterFault.Busy => ExitCodes.Unreachable,
            _ => ExitCodes.Failed,
        },
        problem.Message,
        problem);

    /// <summary>No run of that name.</summary>
    public static ClientException NoSuchRun(RunName run) =>
        new(ExitCodes.NotFound, $"There is no run '{run}'; 'runs' lists those there are.");

    /// <summary>A run that was there is not any more.</summary>
    public static ClientException RunLost(RunName run) => new(
        ExitCodes.NotFound,
        $"There is no run '{run}' any more: the cluster's store has lost it. Start the silos again and give the same "
        + "command; it goes on from the newest checkpoint on their disks.");
}

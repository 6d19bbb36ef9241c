using Gpt2Cluster.Core.Names;

namespace Gpt2Cluster.Contracts;

/// <summary>Tells calls that could not be made from calls that failed.</summary>
public static class TransientErrors
{
    /// <summary>
    /// Whether an exception of a grain call says that a silo or the store was out of reach: of Orleans, which has its
    /// base type alone for a directory that moves; the mistakes of programmers are never of it.
    /// </summary>
    public static bool Is(Exception problem) => problem is OrleansException or TimeoutException;

    /// <summary>
    /// What is said of a problem to people, without a full stop: libraries write stack traces and links.
    /// </summary>
    /// <param name="problem">The problem.</param>
    /// <param name="silo">The silo that was called.</param>
    public static string Words(Exception problem, SiloName silo)
    {
        ArgumentNullException.ThrowIfNull(problem);
        return Is(problem) ? $"silo {silo} does not answer" : problem.Message.TrimEnd('.');
    }
}

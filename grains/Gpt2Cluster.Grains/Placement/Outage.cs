using Gpt2Cluster.Contracts;
using Gpt2Cluster.Core.Names;

namespace Gpt2Cluster.Grains.Placement;

/// <summary>Tells calls that could not be made from calls that failed.</summary>
public static class Outage
{
    private const string StoreLibrary = "StackExchange.Redis";

    /// <summary>
    /// Whether an exception of a grain call says that a silo or the store was out of reach. Membership, the grain
    /// directory and records throw what the store's library throws, and it comes to whoever called.
    /// </summary>
    public static bool Is(Exception problem)
    {
        ArgumentNullException.ThrowIfNull(problem);
        return problem is OrleansException or TimeoutException
            || ClosedPipe.Is(problem)
            || problem.GetType().Namespace?.StartsWith(StoreLibrary, StringComparison.Ordinal) == true;
    }

    /// <summary>
    /// What is said of a problem to people, without a full stop: libraries write stack traces and links.
    /// </summary>
    /// <param name="problem">The problem.</param>
    /// <param name="silo">The silo that was called.</param>
    public static string Words(Exception problem, SiloName silo) =>
        Is(problem) ? $"silo {silo} does not answer" : problem.Message.TrimEnd('.');
}

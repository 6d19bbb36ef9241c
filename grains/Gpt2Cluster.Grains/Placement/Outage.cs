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
            || problem.GetType().Namespace?.StartsWith(StoreLibrary, StringComparison.Ordinal) == true;
    }
}

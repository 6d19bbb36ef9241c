namespace Gpt2Cluster.Contracts;

/// <summary>
/// Calls for operations that take long. They answer after some seconds whether it is done, and are repeated until it
/// is: an answer that is lost with a silo on its way then costs seconds, not the time the longest operation may take.
/// </summary>
public static class LongPoll
{
    /// <summary>The caller of one gives up after this long, and asks again.</summary>
    public const string Bound = "00:00:10";

    /// <summary>The operation is waited for this long in one call.</summary>
    public static readonly TimeSpan Wait = TimeSpan.FromSeconds(4);
}

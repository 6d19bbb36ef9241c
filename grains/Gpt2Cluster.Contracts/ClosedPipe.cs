namespace Gpt2Cluster.Contracts;

/// <summary>
/// A connection to the store broke while somebody read or wrote it. The store's library throws then, now and again, not
/// an exception of its own but what its pipe says (System.IO.Pipelines), and it comes to whoever called a grain.
/// </summary>
public static class ClosedPipe
{
    private static readonly string[] Beginnings =
        ["Reading is not allowed after reader was completed", "Writing is not allowed after writer was completed"];

    /// <summary>Whether an exception says so.</summary>
    public static bool Is(Exception problem) => problem is InvalidOperationException
        && Array.Exists(Beginnings, beginning => problem.Message.StartsWith(beginning, StringComparison.Ordinal));
}

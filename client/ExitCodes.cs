namespace Gpt2Cluster.Client;

/// <summary>What the process ends with.</summary>
internal static class ExitCodes
{
    /// <summary>Done; a pause asked for by <c>--pause-at</c> included.</summary>
    public const int Done = 0;

    /// <summary>The run or the command failed.</summary>
    public const int Failed = 1;

    /// <summary>Wrong usage or bad input, a missing file or model included.</summary>
    public const int BadInput = 2;

    /// <summary>No silo could be reached.</summary>
    public const int Unreachable = 3;

    /// <summary>No such run or checkpoint.</summary>
    public const int NotFound = 4;

    /// <summary>Ended by the user; a run that was watched is paused and kept.</summary>
    public const int Interrupted = 130;
}

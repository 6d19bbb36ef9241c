namespace Gpt2Cluster.Grains.Checkpoints;

/// <summary>
/// No disk that can be reached has a copy that verifies, and the disk the checkpoint was written to is not among them:
/// it is not lost, only not there now. The message says what was met, without a full stop.
/// </summary>
public sealed class UnreachableCheckpointException : Exception
{
    /// <summary>Makes the exception.</summary>
    public UnreachableCheckpointException()
    {
    }

    /// <summary>Makes the exception with what was met.</summary>
    public UnreachableCheckpointException(string message)
        : base(message)
    {
    }

    /// <summary>Makes the exception with what was met and its cause.</summary>
    public UnreachableCheckpointException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Makes the exception for the checkpoint of a step.</summary>
    public UnreachableCheckpointException(long step, string message)
        : base(message) => Step = step;

    /// <summary>The checkpoint's step.</summary>
    public long Step { get; }
}

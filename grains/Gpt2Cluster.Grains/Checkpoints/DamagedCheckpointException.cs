namespace Gpt2Cluster.Grains.Checkpoints;

/// <summary>
/// A checkpoint verifies neither on the disk it was written to nor on any other that can be reached; the bad copy here
/// has been set aside, and the next older one is to be used. The message says what was met, without a full stop.
/// </summary>
public sealed class DamagedCheckpointException : Exception
{
    /// <summary>Makes the exception.</summary>
    public DamagedCheckpointException()
    {
    }

    /// <summary>Makes the exception with what was met.</summary>
    public DamagedCheckpointException(string message)
        : base(message)
    {
    }

    /// <summary>Makes the exception with what was met and its cause.</summary>
    public DamagedCheckpointException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Makes the exception for the checkpoint of a step.</summary>
    public DamagedCheckpointException(long step, string message)
        : base(message) => Step = step;

    /// <summary>The checkpoint's step.</summary>
    public long Step { get; }
}

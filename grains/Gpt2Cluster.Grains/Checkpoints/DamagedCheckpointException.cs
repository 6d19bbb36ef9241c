namespace Gpt2Cluster.Grains.Checkpoints;

/// <summary>A stored checkpoint does not verify; it has been set aside, and the next older one is to be used.</summary>
public sealed class DamagedCheckpointException : Exception
{
    /// <summary>Makes the exception.</summary>
    public DamagedCheckpointException()
    {
    }

    /// <summary>Makes the exception with its sentence.</summary>
    public DamagedCheckpointException(string message)
        : base(message)
    {
    }

    /// <summary>Makes the exception with its sentence and its cause.</summary>
    public DamagedCheckpointException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Makes the exception for the checkpoint of a step.</summary>
    public DamagedCheckpointException(long step, string message, Exception? innerException)
        : base(message, innerException) => Step = step;

    /// <summary>The checkpoint's step.</summary>
    public long Step { get; }
}

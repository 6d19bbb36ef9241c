namespace Gpt2Cluster.Grains.Checkpoints;

/// <summary>
/// A checkpoint verifies neither on the disk it was written to nor on any other that can be reached; the bad copy here
/// has been set aside, and the next older one is to be used.
/// </summary>
/// <param name="step">The checkpoint's step.</param>
/// <param name="message">What was met, without a full stop.</param>
public sealed class DamagedCheckpointException(long step, string message) : Exception(message)
{
    /// <summary>The checkpoint's step.</summary>
    public long Step => step;
}

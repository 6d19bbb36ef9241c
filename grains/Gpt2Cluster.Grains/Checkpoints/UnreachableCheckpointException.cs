namespace Gpt2Cluster.Grains.Checkpoints;

/// <summary>
/// No disk that can be reached has a copy that verifies, and the disk the checkpoint was written to is not among them:
/// it is not lost, only not there now.
/// </summary>
/// <param name="step">The checkpoint's step.</param>
/// <param name="message">What was met, without a full stop.</param>
public sealed class UnreachableCheckpointException(long step, string message) : Exception(message)
{
    /// <summary>The checkpoint's step.</summary>
    public long Step => step;
}

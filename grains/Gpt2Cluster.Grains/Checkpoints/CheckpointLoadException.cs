using Gpt2Cluster.Core.Workers;

namespace Gpt2Cluster.Grains.Checkpoints;

/// <summary>
/// No copy of a checkpoint that can be reached verifies. It is damaged if all its disks were looked at: the bad copy
/// here has been set aside, and the next older one is to be used. Else it is out of reach, and not lost.
/// </summary>
/// <param name="failure">Which of the two, the step, and what was met, without a full stop.</param>
public sealed class CheckpointLoadException(WorkerFailure failure) : Exception(failure.Reason)
{
    /// <summary>Which of the two, the step, and what was met.</summary>
    public WorkerFailure Failure => failure;
}

using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Grains.Workers.Replicas;

/// <summary>What a replica is made for, from a run's specification.</summary>
internal static class ReplicaOptionsOf
{
    /// <summary>The options of a replica that trains for a run.</summary>
    /// <exception cref="NotSupportedException">
    /// This version does not know all of the specification: that is this silo's trouble, others may know it.
    /// </exception>
    public static ReplicaOptions Run(RunSpecification specification)
    {
        try
        {
            SpecificationCheck.RefuseUnknown(specification);
        }
        catch (UserErrorException refusal)
        {
            throw new NotSupportedException(refusal.Message, refusal);
        }

        return Known(specification);
    }

    private static ReplicaOptions Known(RunSpecification specification) => new()
    {
        Shape = specification.Model.Shape,
        Precision = specification.Precision
            ?? throw new ArgumentException("A stored run names its precision.", nameof(specification)),
        Threads = specification.ThreadsPerWorker
            ?? throw new ArgumentException("A stored run names its threads.", nameof(specification)),
        Optimizer = specification.Optimizer,
        Trainable = specification.Trainable,
        Lora = specification.Lora,
        Recompute = specification.Recompute,
        Dropout = specification.Dropout,
        Noise = specification.Noise,
        Seed = specification.Seed,
    };
}

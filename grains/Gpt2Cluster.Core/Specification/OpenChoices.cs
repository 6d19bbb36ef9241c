namespace Gpt2Cluster.Core.Specification;

/// <summary>What a specification may leave to the cluster: the class of devices, precision, threads.</summary>
public static class OpenChoices
{
    /// <summary>The specification with what it leaves open as another one has it.</summary>
    public static RunSpecification With(this RunSpecification specification, RunSpecification other)
    {
        ArgumentNullException.ThrowIfNull(specification);
        ArgumentNullException.ThrowIfNull(other);
        return specification with
        {
            Device = specification.Device ?? other.Device,
            Precision = specification.Precision ?? other.Precision,
            ThreadsPerWorker = specification.ThreadsPerWorker ?? other.ThreadsPerWorker,
        };
    }
}

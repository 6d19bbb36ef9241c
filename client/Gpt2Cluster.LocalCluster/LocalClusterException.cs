using System.Diagnostics.CodeAnalysis;

namespace Gpt2Cluster.LocalCluster;

/// <summary>Why a local cluster cannot be had, or does not end.</summary>
public enum LocalClusterFault
{
    /// <summary>Something failed.</summary>
    Failed,

    /// <summary>Its silos do not start, for a reason that is the user's to mend.</summary>
    BadInput,

    /// <summary>Another client is starting or stopping it all the time.</summary>
    Busy,
}

/// <summary>A local cluster cannot be had, or does not end.</summary>
/// <param name="fault">Why.</param>
/// <param name="message">One sentence.</param>
[SuppressMessage("Design", "CA1032", Justification = "Without a sentence it has no meaning.")]
public sealed class LocalClusterException(LocalClusterFault fault, string message) : Exception(message)
{
    /// <summary>Why.</summary>
    public LocalClusterFault Fault => fault;
}

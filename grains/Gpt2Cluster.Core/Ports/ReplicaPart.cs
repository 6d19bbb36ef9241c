namespace Gpt2Cluster.Core.Ports;

/// <summary>The three flat buffers that make up a replica's state, over the trained parameters.</summary>
public enum ReplicaPart
{
    /// <summary>The trained parameters, fp32.</summary>
    Parameters,

    /// <summary>AdamW's first moments.</summary>
    FirstMoments,

    /// <summary>AdamW's second moments.</summary>
    SecondMoments,
}

using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Exchange.Links;

namespace Gpt2Cluster.Exchange.Averaging;

/// <summary>Where the averages of one step lie. The lock of the run guards it.</summary>
/// <param name="use">Entered by connections that send or receive averages.</param>
internal sealed class StepMemory(Lease use)
{
    /// <summary>Entered by connections that send or receive averages.</summary>
    public Lease Use => use;

    /// <summary>The averages; null before there is memory for them.</summary>
    public FlatBuffer? Averages { get; set; }

    /// <summary>Whether somebody who waits wants to know of each stripe.</summary>
    public bool IsWatched { get; set; }

    /// <summary>Payload bytes so far.</summary>
    public StepTraffic Traffic { get; } = new();
}

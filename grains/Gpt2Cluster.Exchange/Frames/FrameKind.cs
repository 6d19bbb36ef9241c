namespace Gpt2Cluster.Exchange.Frames;

/// <summary>What a frame of the stripe channel is.</summary>
internal enum FrameKind : byte
{
    /// <summary>First on every connection; the payload is the sender's silo name in UTF-8.</summary>
    Hello = 1,

    /// <summary>The sender stands at this generation and step of the run and takes its frames from now on.</summary>
    Ready = 2,

    /// <summary>A stripe of a subtree's sum, to the stripe's reducer.</summary>
    Contribution = 3,

    /// <summary>A stripe of the average, from whoever holds it.</summary>
    Average = 4,

    /// <summary>Last on a connection that is closed on purpose: its end is no failure.</summary>
    Goodbye = 5,
}

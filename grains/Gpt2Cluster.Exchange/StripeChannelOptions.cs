using System.Net;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Threads;

namespace Gpt2Cluster.Exchange;

/// <summary>How a stripe channel is set up; fixed for its life.</summary>
public sealed record StripeChannelOptions
{
    /// <summary>This silo's name, as the other silos' memberships have it; at most 256 bytes of UTF-8.</summary>
    public required SiloName SiloName { get; init; }

    /// <summary>The address to listen on. Default: every address of the machine.</summary>
    public IPAddress Address { get; init; } = IPAddress.Any;

    /// <summary>The port to listen on; 0, the default, takes any free one.</summary>
    public int Port { get; init; }

    /// <summary>
    /// Elements of a stripe; equal on all silos. Default: <see cref="StripeLayout.DefaultStripeElements"/>.
    /// </summary>
    public int StripeElements { get; init; } = StripeLayout.DefaultStripeElements;

    /// <summary>
    /// Kernel buffer asked for each way of a connection, bytes; 0 leaves it to the system. Default 4 MiB.
    /// </summary>
    public int SocketBufferBytes { get; init; } = 4 << 20;

    /// <summary>
    /// How long a silo that is needed cannot be reached before that is reported, and then reported again. Attempts go
    /// on all the time. Default 5 s: a silo that died is declared dead before.
    /// </summary>
    public TimeSpan UnreachablePeriod { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// A silo whose machine answers that nobody listens on its stripe port is reported at once, and again after this
    /// long: the first report may go to a coordinator that died with it. Default 0.25 s.
    /// </summary>
    public TimeSpan GonePeriod { get; init; } = TimeSpan.FromSeconds(0.25);

    /// <summary>
    /// Pause before the second attempt; it doubles up to <see cref="LongestPause"/>. Connections that break before they
    /// have stood that long count as failed attempts. Default 25 ms.
    /// </summary>
    public TimeSpan FirstPause { get; init; } = TimeSpan.FromMilliseconds(25);

    /// <summary>Longest pause between two attempts. Default 1 s.</summary>
    public TimeSpan LongestPause { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How long a new step waits for a frame of a finished one that is half way through a socket, before that
    /// connection is broken. Default 2 s.
    /// </summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long a new connection may take to say who it is. Default 5 s.</summary>
    public TimeSpan HelloTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Called first on every thread of the channel; sets its priority.</summary>
    public Action? ThreadBegins { get; init; }

    /// <summary>The time.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>
    /// Told, on a channel thread, in one sentence of every connection that is cut off, refused or lost.
    /// </summary>
    public Action<string>? Log { get; init; }

    /// <summary>A thread of the channel, not started yet.</summary>
    internal Thread NewThread(Action work, string name) => DedicatedThread.Create(name, () =>
    {
        ThreadBegins?.Invoke();
        work();
    });
}

using Gpt2Cluster.Core.Names;

namespace Gpt2Cluster.Exchange.Links;

/// <summary>
/// Knows who is reading or writing memory that will be released; once closed, nobody new gets in. It has a lock of its
/// own, so that sending a frame does not wait for what the run is about.
/// </summary>
/// <param name="gate">The lock of the run; pulsed when the last has left a lease that is closed.</param>
internal sealed class Lease(object gate)
{
    private readonly Lock users = new();
    private readonly List<IConnection?> inside = [];
    private bool closed;

    /// <summary>Whether somebody is in.</summary>
    public bool IsInUse
    {
        get
        {
            lock (users)
                return inside.Count > 0;
        }
    }

    /// <summary>Enters; false once the lease is closed.</summary>
    /// <param name="user">The connection that the memory is sent from or received into; null for an addition.</param>
    public bool TryEnter(IConnection? user)
    {
        lock (users)
        {
            if (!closed)
                inside.Add(user);
            return !closed;
        }
    }

    /// <summary>Leaves after a <see cref="TryEnter"/> that gave true.</summary>
    public void Exit(IConnection? user)
    {
        lock (users)
        {
            inside.Remove(user);
            if (!closed || inside.Count > 0)
                return;
        }

        lock (gate)
            Monitor.PulseAll(gate);
    }

    /// <summary>Leaves at the end of the block, whatever happens in it, what <see cref="TryEnter"/> entered.</summary>
    public Use Entered(IConnection? user) => new(this, user);

    /// <summary>Lets nobody in any more.</summary>
    public void Close()
    {
        lock (users)
            closed = true;
    }

    /// <summary>Breaks the connections that are in, or those from one silo.</summary>
    public void BreakUsers(SiloName? peer = null)
    {
        lock (users)
        {
            foreach (var user in inside.Where(user => peer is null || user?.PeerName == peer))
                user?.Break();
        }
    }

    /// <summary>One user who is in.</summary>
    internal readonly record struct Use(Lease Lease, IConnection? User) : IDisposable
    {
        /// <inheritdoc/>
        public void Dispose() => Lease.Exit(User);
    }
}

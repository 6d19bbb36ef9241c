namespace Gpt2Cluster.Exchange.Links;

/// <summary>Knows who is reading or writing memory that will be released; once closed, nobody new gets in.</summary>
/// <param name="gate">The lock of the run; it is pulsed when the last has left a lease that is closed.</param>
internal sealed class Lease(object gate)
{
    private readonly List<IConnection?> users = [];
    private bool closed;

    /// <summary>Whether somebody is in; <c>gate</c> is held.</summary>
    public bool IsInUse => users.Count > 0;

    /// <summary>Enters; false once the lease is closed.</summary>
    /// <param name="user">The connection that the memory is sent from or received into; null for an addition.</param>
    public bool TryEnter(IConnection? user)
    {
        lock (gate)
        {
            if (!closed)
                users.Add(user);
            return !closed;
        }
    }

    /// <summary>Leaves after a <see cref="TryEnter"/> that gave true.</summary>
    public void Exit(IConnection? user)
    {
        lock (gate)
        {
            users.Remove(user);
            if (closed && users.Count == 0)
                Monitor.PulseAll(gate);
        }
    }

    /// <summary>Lets nobody in any more; <c>gate</c> is held.</summary>
    public void Close() => closed = true;

    /// <summary>Breaks the connections that are in, or those from one silo; <c>gate</c> is held.</summary>
    public void BreakUsers(string? peer = null)
    {
        foreach (var user in users.Where(user => peer is null || user?.PeerName == peer))
            user?.Break();
    }
}

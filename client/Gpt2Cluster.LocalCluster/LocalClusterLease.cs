using System.Diagnostics;
using Gpt2Cluster.Core.Retries;

namespace Gpt2Cluster.LocalCluster;

/// <summary>The use of a local cluster. Disposing it stops the silos if this client started them for itself.</summary>
public sealed class LocalClusterLease : IAsyncDisposable
{
    /// <summary>The supervisor needs <see cref="Supervisor.StopBound"/>, and some time to end.</summary>
    private static readonly TimeSpan StopBound = Supervisor.StopBound + TimeSpan.FromSeconds(5);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private readonly DataFolder folder;
    private readonly ClusterRecord record;
    private readonly Process? supervisor;
    private readonly TimeProvider time;

    /// <summary>Makes a lease.</summary>
    /// <param name="folder">The data folder.</param>
    /// <param name="record">The cluster.</param>
    /// <param name="supervisor">The supervisor, if it is to end with this lease.</param>
    /// <param name="time">The clock.</param>
    internal LocalClusterLease(DataFolder folder, ClusterRecord record, Process? supervisor, TimeProvider time)
    {
        this.folder = folder;
        this.supervisor = supervisor;
        this.time = time;
        this.record = record;
    }

    /// <summary>The cluster's id.</summary>
    public string ClusterId => record.ClusterId;

    /// <summary>Where its silos take clients, on this machine's loopback address.</summary>
    public IReadOnlyList<int> GatewayPorts => [.. record.Silos.Select(silo => silo.Ports!.GatewayPort)];

    /// <summary>Whether the silos end with this lease.</summary>
    public bool IsOwner => supervisor is not null;

    /// <summary>Whether the cluster was stopped by somebody else.</summary>
    public bool IsGone => !record.Supervisor.IsAlive || !File.Exists(folder.ClusterFile);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (supervisor is null)
            return;
        supervisor.StandardInput.Close();
        if (!await HasEnded(supervisor))
            supervisor.Kill();
        supervisor.Dispose();
    }

    /// <summary>Waits for its end; one that somebody asked to stay is not waited for.</summary>
    private Task<bool> HasEnded(Process ending) =>
        Polling.UntilTrue(() => ending.HasExited || File.Exists(folder.KeepFile), Pause, StopBound, time);
}

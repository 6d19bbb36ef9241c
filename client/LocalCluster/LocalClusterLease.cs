using System.Diagnostics;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Core.Retries;

namespace Gpt2Cluster.Client.LocalCluster;

/// <summary>The use of a local cluster. Disposing it stops the silos if this client started them for itself.</summary>
internal sealed class LocalClusterLease : IAsyncDisposable
{
    /// <summary>The supervisor needs <see cref="Supervisor.StopBound"/>, and some time to end.</summary>
    private static readonly TimeSpan StopBound = Supervisor.StopBound + TimeSpan.FromSeconds(5);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private readonly DataFolder folder;
    private readonly Process? supervisor;
    private readonly TimeProvider time;

    /// <summary>Makes a lease.</summary>
    /// <param name="folder">The data folder.</param>
    /// <param name="record">The cluster.</param>
    /// <param name="supervisor">The supervisor, if it is to end with this lease.</param>
    /// <param name="time">The clock.</param>
    public LocalClusterLease(DataFolder folder, ClusterRecord record, Process? supervisor, TimeProvider time)
    {
        this.folder = folder;
        this.supervisor = supervisor;
        this.time = time;
        Record = record;
    }

    /// <summary>The cluster.</summary>
    public ClusterRecord Record { get; }

    /// <summary>Where its silos are reached.</summary>
    public GatewayAddress Address => new(
        [.. Record.Silos.Select(silo => new HostAndPort("127.0.0.1", silo.Ports!.GatewayPort))], Record.ClusterId);

    /// <summary>Whether the silos end with this lease.</summary>
    public bool IsOwner => supervisor is not null;

    /// <summary>Whether the cluster was stopped by somebody else.</summary>
    public bool IsGone => !Record.Supervisor.IsAlive || !File.Exists(folder.ClusterFile);

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

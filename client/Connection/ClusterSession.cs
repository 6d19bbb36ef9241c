using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Output;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Core.Retries;
using Gpt2Cluster.LocalCluster;

namespace Gpt2Cluster.Client.Connection;

/// <summary>A command's use of a cluster: the connection, and the local cluster if there is one.</summary>
internal sealed class ClusterSession : IAsyncDisposable
{
    /// <summary>A cluster whose silos have not introduced themselves after this long has no workers.</summary>
    private static readonly TimeSpan WorkerBound = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    private readonly ClusterConnection connection;
    private readonly LocalClusterLease? lease;
    private readonly TimeProvider time;

    private ClusterSession(
        ClusterConnection connection, LocalClusterLease? lease, CommandContext context, TimeSpan bound)
    {
        this.connection = connection;
        this.lease = lease;
        time = context.Time;
        Output = context.Output;
        Retries = new CallRetries(time, () => lease?.IsGone == true)
        {
            Say = context.Output.WriteMessage,
            Bound = bound,
        };
    }

    /// <summary>Where words go.</summary>
    public ClientOutput Output { get; }

    /// <summary>The grains of the cluster.</summary>
    public IGrainFactory Grains => connection.Grains;

    /// <summary>Repeats calls while silos die and come back.</summary>
    public CallRetries Retries { get; }

    /// <summary>Whether the command has started silos that end with it.</summary>
    public bool EndsSilos => lease?.IsOwner == true;

    /// <summary>Connects; starts the local cluster if it is meant and does not run.</summary>
    /// <param name="context">The command.</param>
    /// <param name="cancellation">Gives up; what was started is stopped.</param>
    /// <param name="isToStay">Whether a local cluster that is started outlives the command.</param>
    /// <param name="isBrief">
    /// Whether a local cluster that runs already is given up soon: connecting and a call take no longer than
    /// <see cref="ClusterConnection.ConnectBound"/> together.
    /// </param>
    public static async Task<ClusterSession> Open(
        CommandContext context, CancellationToken cancellation, bool isToStay = false, bool isBrief = false)
    {
        var address = context.Choices.Cluster;
        LocalClusterLease? lease = null;
        if (address is not LocalAddress && context.Choices.Silos is not null)
            throw new UsageException("--silos is for the local cluster; a cluster elsewhere has the silos it has.");
        if (address is LocalAddress)
        {
            lease = await Use(context, isToStay, cancellation);
            address = new GatewayAddress(
                [.. lease.GatewayPorts.Select(port => new HostAndPort("127.0.0.1", port))], lease.ClusterId);
        }

        try
        {
            isBrief &= lease is { IsOwner: false };
            var bound = lease is null || isBrief ? ClusterConnection.ConnectBound : CallRetries.StandardBound;
            var began = context.Time.GetTimestamp();
            var connection = await ClusterConnection.Connect(
                address, bound, context.Choices.IsVerbose, context.Time, cancellation);
            var left = isBrief ? bound - context.Time.GetElapsedTime(began) : CallRetries.StandardBound;
            return new ClusterSession(connection, lease, context, left);
        }
        catch
        {
            if (lease is not null)
                await lease.DisposeAsync();
            throw;
        }
    }

    private static async Task<LocalClusterLease> Use(
        CommandContext context, bool isToStay, CancellationToken cancellation)
    {
        try
        {
            return await context.LocalCluster.Use(context.Choices.Silos, isToStay, cancellation);
        }
        catch (LocalClusterException problem)
        {
            throw ClientException.Of(problem);
        }
    }

    /// <summary>The silos and their workers; waits a little for the first ones.</summary>
    /// <exception cref="ClientException">There are none.</exception>
    public async Task<SiloDescription[]> Silos(CancellationToken cancellation)
    {
        var view = await Polling.UntilDone(
            () => Retries.Call(Grains.Cluster().Describe, cancellation),
            answer => answer.Silos.Length > 0,
            Pause,
            WorkerBound,
            time,
            cancellation);
        return view.Silos.Length > 0
            ? view.Silos
            : throw new ClientException(ExitCodes.Unreachable, $"The cluster at {connection.Address} has no silos.");
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await connection.DisposeAsync();
        if (lease is not null)
            await lease.DisposeAsync();
    }
}

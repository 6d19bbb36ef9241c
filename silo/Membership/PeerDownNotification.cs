using System.Net.Sockets;
using System.Threading.Channels;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Grains.Placement;

namespace Gpt2Cluster.Silo.Membership;

/// <summary>
/// Tells Orleans of a silo whose process has ended as soon as the stripe channel finds out: calls to its grains fail
/// then, and a coordinator that lived there is activated elsewhere, without waiting for missed probes.
/// </summary>
/// <remarks>
/// A silo is declared dead only if its machine answers on both of its ports, stripes and Orleans', that nobody listens.
/// A machine that answers nothing, or a network that is cut, is left to Orleans' probes and votes.
/// </remarks>
public sealed partial class PeerDownNotification(
    SiloContext silo,
    IClusterMembershipService membership,
    ILocalSiloDetails self,
    TimeProvider time,
    ILogger<PeerDownNotification> logger) : BackgroundService
{
    /// <summary>How long Orleans' port may take to refuse; a machine that lives refuses at once.</summary>
    public static readonly TimeSpan AnswerBound = TimeSpan.FromSeconds(1);

    /// <summary>Silos that wait to be looked at; a report that finds no room comes again.</summary>
    private const int QueueCount = 64;

    private readonly Channel<SiloName> reported = Channel.CreateBounded<SiloName>(
        new BoundedChannelOptions(QueueCount) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <inheritdoc/>
    public override Task StartAsync(CancellationToken cancellationToken)
    {
        silo.Stripes.Unreachable += Take;
        return base.StartAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public override Task StopAsync(CancellationToken cancellationToken)
    {
        silo.Stripes.Unreachable -= Take;
        return base.StopAsync(cancellationToken);
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await foreach (var name in reported.Reader.ReadAllAsync(stoppingToken))
        {
            foreach (var member in membership.CurrentSnapshot.Members.Values)
            {
                if (member.Name == name.ToString() && member.Status == SiloStatus.Active
                    && member.SiloAddress != self.SiloAddress)
                    await Look(member.SiloAddress, name, stoppingToken);
            }
        }
    }

    private void Take(UnreachableSilo unreachable)
    {
        if (unreachable.IsGone)
            reported.Writer.TryWrite(unreachable.Silo.SiloName);
    }

    private async Task Look(SiloAddress address, SiloName name, CancellationToken stopping)
    {
        try
        {
            if (await IsRefused(address, stopping) && await membership.TryKill(address))
                LogDead(name);
        }
        catch (Exception problem) when (problem is not OperationCanceledException)
        {
            // The store may be away; the probes go on, and so do the reports.
            LogNotTold(problem, name);
        }
    }

    private async Task<bool> IsRefused(SiloAddress address, CancellationToken stopping)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        using var bound = new CancellationTokenSource(AnswerBound, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(bound.Token, stopping);
        try
        {
            await socket.ConnectAsync(address.Endpoint, either.Token);
            return false;
        }
        catch (SocketException problem)
        {
            return problem.SocketErrorCode == SocketError.ConnectionRefused;
        }
        catch (OperationCanceledException) when (!stopping.IsCancellationRequested)
        {
            return false;
        }
    }

    [LoggerMessage(LogLevel.Warning, "Silo {Silo} is declared dead: its machine answers that nobody listens there.")]
    private partial void LogDead(SiloName silo);

    [LoggerMessage(LogLevel.Warning, "The cluster could not be told that silo {Silo} has ended.")]
    private partial void LogNotTold(Exception exception, SiloName silo);
}

using Gpt2Cluster.Contracts;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Grains.Placement;

namespace Gpt2Cluster.Grains.Reducers;

/// <summary>
/// The averagings open on this silo: the reducer grain opens and configures them, the workers of the silo use them. One
/// is closed when the run has no worker here any more.
/// </summary>
public sealed class RunExchanges
{
    private readonly Dictionary<RunName, OpenExchange> places = [];
    private readonly Lock gate = new();
    private readonly IGrainFactory grains;
    private readonly SiloContext silo;

    /// <summary>Takes over the silo's stripe channel, and tells coordinators whom it cannot reach.</summary>
    public RunExchanges(IGrainFactory grains, SiloContext silo)
    {
        this.grains = grains;
        this.silo = silo;
        silo.Stripes.Unreachable += Report;
    }

    /// <summary>The open averaging of a run.</summary>
    /// <exception cref="InvalidOperationException">It is not open on this silo.</exception>
    public IRunExchange this[RunName run] =>
        PlaceOf(run).Exchange
        ?? throw new InvalidOperationException($"The averaging of run {run} is not open on this silo.");

    /// <summary>Opens the averaging of a run if it is not open, and gives it its membership.</summary>
    /// <param name="membership">The membership.</param>
    /// <param name="elementCount">Parameters of the run's model.</param>
    /// <returns>False if it has a newer one.</returns>
    public bool Configure(ExchangeMembership membership, long elementCount) =>
        PlaceOf(membership.Run).Configure(membership, elementCount);

    /// <summary>Ends the averaging of a run, now or when its last worker here has left it.</summary>
    /// <param name="run">The run's name.</param>
    /// <param name="generation">A membership newer than this one is not ended.</param>
    public void Close(RunName run, int generation) => PlaceOf(run).Close(generation);

    /// <summary>A worker begins to use the averaging of a run.</summary>
    /// <param name="run">The run's name.</param>
    /// <param name="elementCount">Parameters of its model.</param>
    public IRunExchange Join(RunName run, long elementCount) => PlaceOf(run).Join(elementCount);

    /// <summary>
    /// A worker is about to free the buffers it contributed from: when this returns, nothing reads them. The last one
    /// closes the averaging, unless a newer membership waits for workers.
    /// </summary>
    /// <param name="run">The run's name.</param>
    /// <param name="generation">The generation the worker served last.</param>
    public void Leave(RunName run, int generation) => PlaceOf(run).Leave(generation);

    private OpenExchange PlaceOf(RunName run)
    {
        lock (gate)
        {
            if (!places.TryGetValue(run, out var place))
                places.Add(run, place = new OpenExchange(silo.Stripes, run));
            return place;
        }
    }

    private void Report(UnreachableSilo unreachable)
    {
        var (name, address) = (unreachable.Silo.SiloName, $"{unreachable.Silo.Host}:{unreachable.Silo.Port}");
        grains.Run(unreachable.Run).Report(new SiloUnreachable(
            silo.Name,
            name,
            unreachable.Generation,
            $"Silo {silo.Name} cannot reach the stripe port of silo {name} at {address} "
                + $"({unreachable.Reason}); open it, or the run goes on without {name}.",
            unreachable.IsGone)).Ignore();
    }
}

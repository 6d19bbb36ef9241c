using Gpt2Cluster.Core.Averaging;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Exchange.Frames;
using Gpt2Cluster.Exchange.Links;

namespace Gpt2Cluster.Exchange.Averaging;

/// <summary>
/// Does on memory and links what the protocol of a run wants done. The lock of the run is held.
/// </summary>
/// <param name="key">What the run's frames carry.</param>
/// <param name="layout">How the gradient is cut.</param>
/// <param name="protocol">The protocol.</param>
/// <param name="memory">The memory of the run.</param>
/// <param name="reductions">Takes the additions that the caller does not make itself.</param>
/// <param name="transport">Makes links.</param>
internal sealed unsafe class AveragingExecutor(
    ulong key,
    StripeLayout layout,
    AveragingProtocol protocol,
    RunMemory memory,
    ReductionQueue reductions,
    StripeTransport transport)
{
    private OutgoingLink?[] links = [];

    /// <summary>Makes links to the members of a generation.</summary>
    /// <returns>Those of the generation before, to be released.</returns>
    public IReadOnlyList<OutgoingLink> Connect(ExchangeMembership joined)
    {
        var made = new OutgoingLink?[joined.Silos.Count];
        for (var silo = 0; silo < made.Length; silo++)
        {
            if (silo == joined.OwnIndex)
                continue;
            made[silo] = transport.Acquire(joined.Silos[silo]);
            made[silo]!.ResetBackoff();
        }

        var replaced = Disconnect();
        links = made;
        return replaced;
    }

    /// <summary>Forgets all links, and what waits to be sent over them.</summary>
    /// <returns>The links, to be released.</returns>
    public IReadOnlyList<OutgoingLink> Disconnect()
    {
        OutgoingLink[] left = [.. links.OfType<OutgoingLink>()];
        foreach (var link in left)
            link.Queue.RemoveFrames(key);
        links = [];
        return left;
    }

    /// <summary>Does what the protocol wants; the lock is held.</summary>
    /// <param name="takesReduction">Whether the caller makes an addition itself, having its terms in the cache.</param>
    /// <returns>The addition; all others are queued.</returns>
    public StripeReduction? Execute(bool takesReduction = false)
    {
        StripeReduction? taken = null;
        try
        {
            foreach (var effect in protocol.Effects)
            {
                if (effect is not Reduce reduce)
                {
                    Execute(effect);
                    continue;
                }

                var range = layout.Range(reduce.Stripe);
                var reduction = new StripeReduction(reduce, memory.Of(reduce.Plan)!, range, Target(reduce));
                if (!takesReduction || taken is not null)
                    reductions.Add(reduction);
                else if (reduction.TryBegin())
                    taken = reduction;
            }
        }
        catch
        {
            taken?.Sums.Use.Exit(null);
            throw;
        }
        finally
        {
            // What was done is never done again, whatever came in its way.
            protocol.Effects.Clear();
        }

        return taken;
    }

    private void Execute(AveragingEffect effect)
    {
        switch (effect)
        {
            case OpenPlan(var plan, var siloSums):
                memory.Open(plan, protocol.StepOf(plan.Step)!.Tree, siloSums);
                foreach (var link in links)
                    link?.ResetBackoff();
                break;
            case RetireSums(var plan): memory.Retire(plan); break;
            case RetireAverages(var step): memory.Retire(step); break;
            case Announce(var silo, var position, var again):
                links[silo]!.Queue.Add(new Announcement(key, position, again));
                break;
            case ClearQueue(var silo): links[silo]!.Queue.RemoveFrames(key); break;
            case SendSum(var silo, var plan, var stripe, var subtree):
                var sums = memory.Of(plan)!;
                Send(silo, FrameKind.Contribution, plan.Step, stripe, subtree, sums[subtree], sums.Use);
                break;
            case SendAverage(var silo, var step, var stripe):
                var (averages, root) = (memory.Of(step)!, protocol.StepOf(step)!.Tree.Root);
                Send(silo, FrameKind.Average, step, stripe, root, averages.Averages!, averages.Use);
                break;
            case Discard(var plan, var stripe, var subtree): memory.Of(plan)!.Discard(stripe, subtree); break;
            case AdoptSum(var plan, var subtree): memory.Of(plan.Step)!.Averages = memory.Of(plan)![subtree]; break;
            case Interrupt(var peer): memory.Interrupt(peer); break;
            case Complete: reductions.Wake(); break;
        }
    }

    /// <summary>The buffer that a reduction writes; null if its sum waits for another.</summary>
    private FlatBuffer? Target(Reduce reduce) => reduce.Target switch
    {
        ReductionTarget.Average => memory.Of(reduce.Plan.Step)!.Averages,
        ReductionTarget.SiloSum => memory.Of(reduce.Plan)![reduce.Sum],
        _ => null,
    };

    private void Send(
        int silo, FrameKind kind, long step, int stripe, Subtree subtree, FlatBuffer buffer, Lease use)
    {
        var range = layout.Range(stripe);
        var header = new FrameHeader(
            kind, buffer.ElementType, key, protocol.Position.Generation, step, stripe, subtree,
            range.Count * buffer.ElementBytes);
        var payload = (nint)StripeValue.In(buffer, range).Pointer;
        links[silo]!.Queue.Add(new OutgoingFrame(header, payload, use, memory.Of(step)!.Traffic));
    }
}

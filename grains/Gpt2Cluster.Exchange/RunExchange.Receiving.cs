using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Exchange.Averaging;
using Gpt2Cluster.Exchange.Frames;

namespace Gpt2Cluster.Exchange;

/// <content>What comes in: from this silo's workers through the reducer's thread, and from the other silos.</content>
internal sealed unsafe partial class RunExchange
{
    /// <summary>Stands for the generation of an average that was made here and that no reducer knows of.</summary>
    private const int UnknownToReducers = -1;

    /// <summary>Says where the payload of a stripe goes.</summary>
    /// <returns>No step if nobody needs it: an older generation, a finished step, a repeat.</returns>
    /// <exception cref="FrameFaultException">No correct member sends this.</exception>
    public Landing Land(in FrameHeader header, string peer)
    {
        CheckShape(header);
        StepExchange? step;
        PlannedSums? sums;
        lock (gate)
        {
            if (disposed || membership is null || header.Generation != membership.Generation)
                return default;
            if (!Knows(peer))
                throw new FrameFaultException($"It is no other member of run {name}.");
            if (header.Kind == FrameKind.Contribution && OwnerOf(header.Stripe) != membership.OwnIndex)
                throw new FrameFaultException($"Stripe {header.Stripe} of run {name} is not reduced here.");
            step = StepOf(header.Step);
            sums = step?.Sums;
        }

        if (step is null or { IsAlias: true } || step.IsAveraged(header.Stripe))
            return default;
        return header.Kind == FrameKind.Average ? LandAverage(step, header) : LandContribution(step, sums!, header);
    }

    /// <summary>A payload arrived and its checksum is right.</summary>
    public void Accept(in FrameHeader header, in Landing landing, string peer)
    {
        var step = landing.Step!;
        step.CountReceived(header.PayloadBytes);
        if (header.Kind == FrameKind.Average)
        {
            Averaged(step, header.Stripe, header.Generation, peer);
            step.AveragesUse.Exit();
            return;
        }

        // Those of the plan that it was sent for: if the step was planned again meanwhile, it is sent again for that.
        var value = new StripeValue(landing.Destination, header.ElementType, step.Pool);
        if (landing.Sums is { } sums && sums.Use.TryEnter())
            OfferAndExit(step, sums, header.Stripe, header.Subtree, value);
        else
            value.Release();
    }

    /// <summary>A payload did not arrive, or not whole.</summary>
    public void Abandon(in FrameHeader header, in Landing landing)
    {
        var step = landing.Step!;
        if (header.Kind == FrameKind.Contribution)
        {
            step.Pool.Return(landing.Destination);
            return;
        }

        step.Unclaim(header.Stripe);
        if (step.ReductionOrNull(header.Stripe) is { } reduction && step.Sums is var sums && sums.Use.TryEnter())
        {
            if (reduction.Resume())
                Averaged(step, header.Stripe, UnknownToReducers, from: null);
            sums.Use.Exit();
        }

        AskOwner(header.Stripe);
        step.AveragesUse.Exit();
    }

    /// <summary>
    /// What came from the stripe's present reducer while another silo's average was half way here was dropped.
    /// </summary>
    private void AskOwner(int stripe)
    {
        lock (gate)
        {
            if (!disposed && membership is not null)
                links[OwnerOf(stripe)]?.Announce(this, again: true);
        }
    }

    private void CheckShape(in FrameHeader header)
    {
        if (header.Stripe < 0 || header.Stripe >= layout.StripeCount)
            throw new FrameFaultException($"Run {name} has {layout.StripeCount} stripes, none is {header.Stripe}.");
        var isFloat = header.ElementType == ElementType.Float32;
        if (!isFloat && (header.ElementType != ElementType.BFloat16 || header.Kind == FrameKind.Average))
            throw new FrameFaultException($"Element type {(int)header.ElementType} has no place in this frame.");
        var bytes = layout.Range(header.Stripe).Count * (isFloat ? sizeof(float) : sizeof(ushort));
        if (header.PayloadBytes != bytes)
            throw new FrameFaultException($"Stripe {header.Stripe} has {bytes} bytes, not {header.PayloadBytes}.");
    }

    private static Landing LandAverage(StepExchange step, in FrameHeader header)
    {
        if (!step.AveragesUse.TryEnter())
            return default;
        if (!step.TryClaim(header.Stripe))
        {
            step.AveragesUse.Exit();
            return default;
        }

        fixed (float* place = step.AverageOf(header.Stripe))
        {
            return new Landing(step, (byte*)place, step.AveragesUse, sums: null);
        }
    }

    private Landing LandContribution(StepExchange step, PlannedSums sums, in FrameHeader header)
    {
        var (level, index) = header.Subtree;
        var root = step.Tree.Root;
        if (level < 0 || level > root.Level || index < 0 || index >= 1L << (root.Level - level)
            || header.Subtree.FirstLeaf >= step.Tree.LeafCount)
            throw new FrameFaultException($"{header.Subtree} is no subtree of M = {step.Tree.LeafCount}.");
        return step == Volatile.Read(ref current)
            ? new Landing(step, (byte*)step.Pool.Rent(), lease: null, sums)
            : default;
    }

    private void Reduce(LocalOffer offer)
    {
        if (!offer.Sums.Use.TryEnter())
            return;
        var start = layout.Range(offer.Stripe).Start * offer.Buffer.ElementBytes;
        var value = new StripeValue((byte*)offer.Buffer.Pointer + start, offer.Buffer.ElementType, pool: null);
        if (offer.IsToBeSent)
            FoldAndExit(offer, value);
        else
            OfferAndExit(offer.Step, offer.Sums, offer.Stripe, offer.Subtree, value);
    }

    private void FoldAndExit(in LocalOffer offer, in StripeValue value)
    {
        try
        {
            if (offer.Sums.Fold.Offer(offer.Stripe, offer.Subtree, value) is { } sum)
                Folded(offer.Step, offer.Sums, offer.Stripe, sum.Subtree, sum.Buffer);
        }
        finally
        {
            offer.Sums.Use.Exit();
        }
    }

    private void OfferAndExit(
        StepExchange step, PlannedSums sums, int stripe, Subtree subtree, in StripeValue value)
    {
        try
        {
            if (step.Reduction(stripe).Offer(subtree, value))
                Averaged(step, stripe, UnknownToReducers, from: null);
        }
        finally
        {
            sums.Use.Exit();
        }
    }

    /// <summary>
    /// A stripe's average is in its place: its reducer sends it to all who do not have it from there. If the membership
    /// changed on the way, so that the present reducer may not have it, it is sent there.
    /// </summary>
    /// <param name="step">The step.</param>
    /// <param name="stripe">The stripe.</param>
    /// <param name="generation">The generation whose reducer sent it, or <see cref="UnknownToReducers"/>.</param>
    /// <param name="from">Who sent it; null if it was made here.</param>
    private void Averaged(StepExchange step, int stripe, int generation, string? from)
    {
        bool isLast;
        lock (gate)
        {
            var owner = OwnerOf(stripe);
            var isOwn = owner == membership!.OwnIndex;
            isLast = step.MarkAveraged(stripe);
            for (var silo = 0; silo < links.Length; silo++)
            {
                var lacksIt = isOwn || (silo == owner && generation != membership.Generation);
                if (lacksIt && links[silo] is { } link && link.Peer.SiloName != from && IsReady(silo, step))
                    SendAverage(silo, step, stripe);
            }
        }

        step.ReductionOrNull(stripe)?.Clear();
        if (isLast || step.IsWatched)
            reducer.Wake();
    }
}

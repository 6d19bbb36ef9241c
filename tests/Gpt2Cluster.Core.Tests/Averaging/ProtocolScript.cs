using System.Globalization;
using Gpt2Cluster.Core.Averaging;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Core.Tests.Averaging;

/// <summary>
/// Plays what happens on silo a: lines before the first event set M and the stripes, <c>&gt;</c> lines are events, and
/// what the protocol wants done is written below each. Elements are counted in stripes.
/// </summary>
internal sealed class ProtocolScript
{
    private readonly List<string> output = [];
    private readonly Queue<Reduce> reducing = new();
    private AveragingProtocol? protocol;
    private ExchangeMembership? membership;
    private int leafCount = 2;
    private int stripeCount = 2;

    public static string Play(string text)
    {
        var script = new ProtocolScript();
        foreach (var line in text.Split('\n'))
        {
            if (line.StartsWith("> ", StringComparison.Ordinal))
                script.Hear(line);
            else if (!line.StartsWith("  ", StringComparison.Ordinal))
                script.Set(line);
        }

        return string.Join('\n', script.output);
    }

    private static StripeLayout Layout(int stripeCount) =>
        new((long)stripeCount * StripeLayout.MinStripeElements, StripeLayout.MinStripeElements);

    private void Set(string line)
    {
        output.Add(line);
        if (line.StartsWith("micro-batches ", StringComparison.Ordinal))
            leafCount = Number(line.Split(' ')[1]);
        else if (line.StartsWith("stripes ", StringComparison.Ordinal))
            stripeCount = Number(line.Split(' ')[1]);
    }

    private void Hear(string line)
    {
        output.Add(line);
        protocol ??= new AveragingProtocol(Layout(stripeCount));
        var words = line[2..].Split(' ');
        if (Answer(words) is { } answer)
            output.Add($"  {answer}");
        foreach (var effect in protocol.Effects)
            output.Add("  " + Text(effect));
        foreach (var reduce in protocol.Effects.OfType<Reduce>())
            reducing.Enqueue(reduce);
        protocol.Effects.Clear();
    }

    /// <summary>Tells the protocol what happened; what it answers, if that needs to be said.</summary>
    private string? Answer(string[] words)
    {
        switch (words)
        {
            case ["configure", var generation, .. var silos]: // configure GENERATION SILO...
                Configure(Number(generation[1..]), silos);
                return null;
            case ["begin", var generation, var step, .. var ranges]: // begin GENERATION STEP FIRST..END...
                protocol!.BeginStep(At(generation, step), [.. ranges.Select(Range)]);
                return null;
            case ["open"]: // what was retired is out of use
                protocol!.Open();
                return null;
            case ["contribute", var generation, var step, var sum, var stripes]: // stripes as FIRST..END
                Contribute(At(generation, step), Sum(sum), Range(stripes));
                return null;
            case ["position", var peer, var connection, var generation, var step]:
                protocol!.OnPeerPosition(
                    peer.Silo(), new PeerPosition(Number(connection[1..]), At(generation, step)));
                return null;
            case ["link-up", var peer]:
                protocol!.OnLinkUp(membership!.Silos.First(silo => silo.Host == peer));
                return null;
            case ["link-lost", var peer, var connection]:
                protocol!.OnLinkLost(peer.Silo(), Number(connection[1..]));
                return null;
            case ["sum", var peer, var generation, var step, var sum, var stripe]: // it comes, whole
                return ReceiveSum(peer.Silo(), At(generation, step), Sum(sum), Number(stripe));
            case ["average", var peer, var generation, var step, var stripe]: // it begins to come
                var place = protocol!.ReserveAverage(peer.Silo(), At(generation, step), Number(stripe));
                return place is null ? "drop it" : null;
            case ["average-is-here", var peer, var generation, var step, var stripe]:
                var at = At(generation, step);
                protocol!.OnStripeAveraged(at, Number(stripe), at.Generation, peer.Silo());
                return null;
            case ["average-is-lost", var generation, var step, var stripe]:
                protocol!.OnAverageLost(At(generation, step), Number(stripe));
                return null;
            case ["reduced"]: // the first of what is to be reduced
                return Reduced(reducing.Dequeue());
            case ["withdraw", var generation]:
                protocol!.Withdraw(Number(generation[1..]));
                return null;
            default:
                throw new FormatException(string.Join(' ', words));
        }
    }

    private void Configure(int generation, string[] silos)
    {
        membership = new ExchangeMembership
        {
            Run = "poems".Run(),
            Generation = generation,
            LeafCount = leafCount,
            Silos = [.. silos.Select(name => new ExchangeMember(name.Silo(), name, 1))],
            OwnIndex = Array.IndexOf(silos, "a"),
        };
        protocol!.Configure(membership);
    }

    private void Contribute(Position plan, Subtree sum, LeafRange stripes)
    {
        long size = StripeLayout.MinStripeElements;
        protocol!.Contribute(plan, sum, stripes.First * size, stripes.End * size, mayAdopt: true);
    }

    private string? Reduced(Reduce made)
    {
        if (made.Target != ReductionTarget.Average)
            return protocol!.OnSumMade(made) ? "keep it" : null;
        protocol!.OnStripeAveraged(made.Plan, made.Stripe);
        return null;
    }

    private string? ReceiveSum(SiloName peer, Position sent, Subtree sum, int stripe)
    {
        var plan = protocol!.ReserveSum(peer, sent, stripe, sum);
        return plan is { } needed && protocol.OnSumReceived(needed, stripe, sum) ? null : "drop it";
    }

    private string Text(AveragingEffect effect) => effect switch
    {
        OpenPlan(var plan, var sums) => $"open {plan}{(sums.Count > 0 ? $" adding up {string.Join(' ', sums)}" : "")}",
        RetireSums(var plan) => $"retire the sums of {plan}",
        RetireAverages(var step) => $"retire the averages of step {step}",
        Announce(var silo, var position, var again) => $"announce to {Name(silo)}: {position}{(again ? " again" : "")}",
        ClearQueue(var silo) => $"clear the queue to {Name(silo)}",
        SendSum(var silo, _, var stripe, var sum) => $"send to {Name(silo)}: stripe {stripe} of sum {sum}",
        SendAverage(var silo, var step, var stripe) =>
            $"send to {Name(silo)}: stripe {stripe} of the average of step {step}",
        Reduce reduce => Text(reduce),
        Discard(_, var stripe, var sum) => $"discard stripe {stripe} of sum {sum}",
        AdoptSum(_, var sum) => $"sum {sum} is the average as it stands",
        Interrupt(var peer) => $"interrupt {peer}",
        Complete(var step) => $"step {step} is complete",
        _ => throw new FormatException(effect.ToString()),
    };

    private static string Text(Reduce reduce)
    {
        var (_, stripe, left, right, sum, target) = reduce;
        var terms = right is null ? $"{left}" : $"{left} + {right}";
        return target switch
        {
            ReductionTarget.Average => $"reduce stripe {stripe}: average = ({terms}) / M",
            ReductionTarget.SiloSum => $"reduce stripe {stripe}: {sum} = {terms}, to be sent",
            _ => $"reduce stripe {stripe}: {sum} = {terms}",
        };
    }

    private string Name(int silo) => membership!.Silos[silo].SiloName.ToString();

    private static Position At(string generation, string step) => new(Number(generation[1..]), Number(step));

    private static Subtree Sum(string name) => new(Number(name.Split('.')[0]), Number(name.Split('.')[1]));

    private static LeafRange Range(string text) => new(Number(text.Split("..")[0]), Number(text.Split("..")[1]));

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}

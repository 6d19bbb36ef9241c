using Gpt2Cluster.Simulator.Clock;
using Gpt2Cluster.Simulator.Schedules;

namespace Gpt2Cluster.Simulator.Network;

/// <summary>
/// Carries messages between silos, the store and people: late, in another order, twice or not at all, as the schedule's
/// rates say, and over no link that is cut.
/// </summary>
internal sealed class SimulatedNetwork(Timeline timeline, Chance chance, Tally tally)
{
    private readonly HashSet<(string From, string To)> cuts = [];
    private readonly Dictionary<(string From, string To), List<Action>> held = [];

    /// <summary>How likely which fault is now.</summary>
    public MessageFaults Faults { get; set; } = MessageFaults.None;

    /// <summary>Whether messages do not pass now.</summary>
    public bool IsCut(string from, string to) => cuts.Contains((from, to));

    /// <summary>Whether questions and answers pass now.</summary>
    public bool IsOpen(string one, string other) => !IsCut(one, other) && !IsCut(other, one);

    /// <summary>Lets no message pass any more, one way.</summary>
    public void Cut(string from, string to) => cuts.Add((from, to));

    /// <summary>All links are whole again; what the cut ones still hold goes on its way.</summary>
    public void Heal()
    {
        cuts.Clear();
        foreach (var send in held.Values.SelectMany(waiting => waiting).ToList())
            send();
        held.Clear();
    }

    /// <summary>Sends a message.</summary>
    /// <param name="from">The sender's name.</param>
    /// <param name="to">The receiver's name.</param>
    /// <param name="receiver">Its process: a message to a dead one is lost, to a frozen one it waits.</param>
    /// <param name="arrive">What happens there.</param>
    /// <param name="mayRepeat">Whether the message may arrive twice.</param>
    public void Send(string from, string to, Life? receiver, Action arrive, bool mayRepeat)
    {
        if (from == to)
        {
            timeline.After(chance.Seconds(0, 0.0002), receiver, arrive);
            return;
        }

        if (IsCut(from, to))
        {
            HoldOrLose(from, to, receiver, arrive);
            return;
        }

        if (chance.Happens(Faults.Loss))
        {
            tally.Count(Fault.MessageLost);
            return;
        }

        timeline.After(Latency(), receiver, arrive);
        if (!mayRepeat || !chance.Happens(Faults.Repeat))
            return;
        tally.Count(Fault.MessageRepeated);
        timeline.After(Latency(), receiver, arrive);
    }

    /// <summary>How long a message takes.</summary>
    public TimeSpan Latency()
    {
        if (!chance.Happens(Faults.Delay))
            return chance.Seconds(0.0001, 0.002);
        tally.Count(Fault.MessageDelayed);
        return chance.Seconds(0.01, Faults.LongestDelaySeconds);
    }

    /// <summary>Some bytes as they arrive.</summary>
    public byte[] Carry(byte[] bytes)
    {
        if (bytes.Length == 0 || !chance.Happens(Faults.Damage))
            return bytes;
        tally.Count(Fault.RangeDamaged);
        byte[] damaged = [.. bytes];
        damaged[chance.Below(damaged.Length)] ^= 1;
        return damaged;
    }

    // What was sent into a link that is cut is sent again once it is whole, unless the connection ended meanwhile.
    private void HoldOrLose(string from, string to, Life? receiver, Action arrive)
    {
        if (chance.Happens(0.5))
            return;
        if (!held.TryGetValue((from, to), out var waiting))
            held.Add((from, to), waiting = []);
        waiting.Add(() => timeline.After(Latency(), receiver, arrive));
    }
}

/// <summary>How likely each fault of a message is.</summary>
/// <param name="Loss">That it never arrives.</param>
/// <param name="Repeat">That it arrives twice.</param>
/// <param name="Delay">That it is late, so that others overtake it.</param>
/// <param name="LongestDelaySeconds">How late at most.</param>
/// <param name="Damage">That a range of a replica is damaged.</param>
internal sealed record MessageFaults(
    double Loss, double Repeat, double Delay, double LongestDelaySeconds, double Damage)
{
    /// <summary>A network without faults.</summary>
    public static MessageFaults None { get; } = new(0, 0, 0, 0.01, 0);
}

namespace Gpt2Cluster.Core.Runs;

/// <summary>Workers that must not take part while their silo's process is the same: trying again is no use.</summary>
internal static class Refusing
{
    /// <summary>A worker that would compute other bits, or not the same ones twice.</summary>
    public static void RefuseProfile(Turn turn, RunMember member, string reason)
    {
        Bar(turn, member);
        turn.State = turn.State with { Refusal = reason };
        Release(turn, member, reason, "was refused");
    }

    /// <summary>
    /// A worker whose device or machine is too small: the others go on without it. If they are too few for that, the
    /// run fails, as nothing but the advice helps.
    /// </summary>
    public static void LackMemory(Turn turn, RunMember member, string reason)
    {
        var before = turn.State;
        Bar(turn, member);
        if (!CanGoOnWithout(turn, member))
        {
            turn.State = before;
            Endings.FailAfterSaving(turn, member.Key, reason);
            return;
        }

        Release(
            turn, member, $"Worker {member.Key} is left out until its silo is started again: {reason}.",
            "had no memory");
    }

    /// <summary>Those who are to leave hold the state, but compute nothing more.</summary>
    private static bool CanGoOnWithout(Turn turn, RunMember member)
    {
        var (state, others) = (turn.State, turn.State.Members.Remove(member));
        turn.State = state with { Members = others };
        var newcomers = Membership.Newcomers(turn).FindAll(worker => worker.Leaving is null);
        turn.State = state;
        var staying = others.FindAll(other => !Leaving.IsLeaving(state, other));
        return staying.Count + newcomers.Count >= Membership.Needed(turn, staying);
    }

    private static void Bar(Turn turn, RunMember member) => turn.State = turn.State with
    {
        Refused = turn.State.Refused.Add((member.Key, member.Incarnation)),
    };

    private static void Release(Turn turn, RunMember member, string warning, string what)
    {
        turn.Warn(warning);
        turn.Send(new ReleaseWorkers([member.Key], turn.Generation));
        Membership.Remove(turn, [member.Key], $"worker {member.Key} {what}");
    }
}

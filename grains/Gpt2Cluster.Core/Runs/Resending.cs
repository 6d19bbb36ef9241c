namespace Gpt2Cluster.Core.Runs;

/// <summary>Messages may be lost: what is outstanding is sent again. Every command may come twice.</summary>
internal static class Resending
{
    public static void Tick(Turn turn)
    {
        Stalling.Tick(turn);
        RepeatCheckpoint(turn);
        Saving.TryAgain(turn);
        if (turn.State.Phase != RunPhase.Resting)
            Copying.Next(turn);
        Copying.StopWaiting(turn);
        Membership.GiveUpWaiting(turn);
        if (Membership.TakeAgain(turn))
            return;
        if (turn.State.Now - turn.State.MovedAt < RunMachine.ResendAfter)
            return;
        turn.State = turn.State with { MovedAt = turn.State.Now };
        switch (turn.State.Phase)
        {
            case RunPhase.Standing or RunPhase.Preparing: Preparation.SendOutstanding(turn); break;
            case RunPhase.Stepping: Stepping.SendOutstanding(turn); break;
            case RunPhase.Validating: Validation.SendOutstanding(turn); break;
            case RunPhase.Sampling: Sampling.SendOutstanding(turn); break;
            default: break;
        }
    }

    // Steps go on while a checkpoint is written, so that a lost order would never be missed otherwise.
    private static void RepeatCheckpoint(Turn turn)
    {
        var age = turn.State.Now - turn.State.CheckpointSentAt;
        if (turn.State.CheckpointInFlight is not { } command || age < RunMachine.ResendAfter)
            return;
        // Whoever has not heard of a new generation yet would refuse its order, and count as lost for that.
        if (turn.State.Members.Exists(member => member.Key == command.Worker && member.Awaited is not null))
            return;
        var again = command with { Generation = turn.Generation };
        turn.State = turn.State with { CheckpointInFlight = again, CheckpointSentAt = turn.State.Now };
        turn.Send(again);
    }
}

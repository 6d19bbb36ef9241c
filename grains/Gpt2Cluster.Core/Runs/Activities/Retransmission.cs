namespace Gpt2Cluster.Core.Runs.Activities;

/// <summary>Messages may be lost: what is outstanding is sent again. Every command may come twice.</summary>
internal static class Retransmission
{
    // Outstanding commands are sent again when nothing was heard for this long.
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(5);

    public static void SendOutstanding(Transition transition)
    {
        var state = transition.State;
        if (state.Now - state.MovedAt < Silence)
            return;
        transition.State = state with { MovedAt = state.Now };
        transition.SendAll(Outstanding.Of(state));
    }

    // Steps go on while a checkpoint is written, so that a lost order would never be missed otherwise.
    public static void RepeatCheckpoint(Transition transition)
    {
        var state = transition.State;
        if (state.Checkpointing.Writing is not { } writing || state.Now - writing.SentAt < Silence)
            return;
        // Whoever has not heard of a new generation yet would refuse its order, and count as lost for that.
        if (state.Members.Exists(member => member.Key == writing.Command.Worker && member.Awaited is not null))
            return;
        var again = writing.Command with { Generation = transition.Generation };
        transition.Checkpointing = state.Checkpointing with
        {
            Writing = writing with { Command = again, SentAt = state.Now },
        };
        transition.Send(again);
    }
}

using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Runs;

/// <summary>One decision while it is made: the state so far and the commands so far.</summary>
internal sealed class Turn
{
    private readonly List<RunCommand> commands = [];
    private readonly RunState begun;
    private readonly bool isTick;

    public Turn(RunState state, RunEvent heard)
    {
        var now = heard.At > state.Now ? heard.At : state.Now;
        var isActive = state.Phase is not (RunPhase.Resting or RunPhase.Waiting);
        var active = isActive ? now - state.Now : TimeSpan.Zero;
        State = state with
        {
            Now = now,
            Record = state.Record with { ActiveTime = state.Record.ActiveTime + active },
        };
        begun = State;
        isTick = heard is Ticked;
    }

    public RunState State { get; set; }

    public IReadOnlyList<RunCommand> Commands => commands;

    public RunRecord Record
    {
        get => State.Record;
        set => State = State with { Record = value };
    }

    public RunSpecification Specification => Record.Specification;

    public int Generation => Record.Generation;

    public void Send(RunCommand command) => commands.Add(command);

    public void Persist() => Send(new PersistRecord(Record));

    public void Tell(RunNotice notice) => Send(new Publish(notice));

    public void Warn(string message) => Tell(new Warned(message));

    /// <summary>
    /// What is known at the end. Something has moved if it is more than the time: what was ignored does not postpone
    /// that orders are sent again.
    /// </summary>
    public RunState Result() => isTick || State == begun
        ? State
        : State with { MovedAt = State.Now, ProgressAt = State.Now, StallCount = 0 };

    /// <summary>
    /// The member of that name if the message belongs to this generation; null if it is to be ignored.
    /// </summary>
    public RunMember? Member(string worker, int generation) =>
        generation == Generation ? State.Members.Find(member => member.Key == worker) : null;

    public void Replace(RunMember old, RunMember changed) =>
        State = State with { Members = State.Members.Replace(old, changed) };

    /// <summary>
    /// Hands out the parts of some work, one for each member in order, and forgets what was reported before.
    /// </summary>
    public void Assign(IReadOnlyList<LeafRange> ranges) =>
        Assign([.. ranges.Select(range => new List<LeafRange> { range })]);

    /// <inheritdoc cref="Assign(IReadOnlyList{LeafRange})"/>
    public void Assign(IReadOnlyList<IReadOnlyList<LeafRange>> ranges) => State = State with
    {
        Members =
        [
            .. State.Members.Select((member, index) => member with
            {
                Ranges = ranges[index],
                Held = [],
                StepReport = null,
                LossSums = null,
                Texts = null,
            }),
        ],
    };

    /// <summary>Ends the run at once, for a reason that makes its replicas worthless or unreachable.</summary>
    public void Fail(string reason)
    {
        State = State with { Ending = new Ending(RunStatus.Failed, reason) };
        Endings.Finish(this);
    }
}

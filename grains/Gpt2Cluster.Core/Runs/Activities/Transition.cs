using System.Collections.Immutable;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Runs.State;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Runs.Activities;

/// <summary>
/// One decision while it is made: the state so far and the commands so far. Phases begin here and nowhere else.
/// </summary>
internal sealed class Transition
{
    private readonly List<RunCommand> commands = [];
    private readonly RunState begun;
    private readonly bool isTick;

    public Transition(RunState state, CoordinatorInput heard)
    {
        var now = heard.At > state.Now ? heard.At : state.Now;
        var active = state.Phase.IsActive ? now - state.Now : TimeSpan.Zero;
        State = state with
        {
            Now = now,
            Record = state.Record with { ActiveTime = state.Record.ActiveTime + active },
        };
        begun = State;
        isTick = heard is Ticked;
    }

    /// <summary>From each phase to those that may follow it; <c>docs/run-phases.md</c> draws them.</summary>
    public static IReadOnlySet<(Type From, Type To)> Arrows { get; } = AllArrows().ToImmutableHashSet();

    public RunState State { get; set; }

    public IReadOnlyList<RunCommand> Commands => commands;

    public RunRecord Record
    {
        get => State.Record;
        set => State = State with { Record = value };
    }

    public Exclusions Exclusions
    {
        get => State.Exclusions;
        set => State = State with { Exclusions = value };
    }

    public Checkpointing Checkpointing
    {
        get => State.Checkpointing;
        set => State = State with { Checkpointing = value };
    }

    public RunSpecification Specification => Record.Specification;

    public int Generation => Record.Generation;

    public void Send(RunCommand command) => commands.Add(command);

    public void SendAll(IEnumerable<RunCommand> several) => commands.AddRange(several);

    public void Persist() => Send(new PersistRecord(Record));

    public void Publish(RunNotice notice) => Send(new Publish(notice));

    public void Warn(string message) => Publish(new Warned(message));

    /// <summary>Begins to wait for workers, or anew.</summary>
    public void BecomeWaiting() => Become(new RunPhase.Waiting(State.Now));

    /// <summary>Asks the members of a new generation where their replicas stand.</summary>
    public void BecomeSurveying(IEnumerable<RunMember> members)
    {
        var asked = members.Select(member => member with
        {
            Awaited = new PrepareReplica(member.Key, Generation, ReplicaSource.Keep, 0, []),
            Step = null,
            Held = [],
        });
        State = State with { Members = [.. asked] };
        Become(new RunPhase.Surveying([]));
        SendAll(Outstanding.Of(State));
    }

    /// <summary>All have said where they stand, and some have to get what they lack.</summary>
    public void BecomePreparing(RunPhase.Surveying surveyed) => Become(new RunPhase.Preparing(surveyed.ReadySilos));

    /// <summary>The run is at a boundary, or looks again from where it waits for a checkpoint.</summary>
    /// <param name="hasFailed">Whether an attempt to write the checkpoint that it waits for has just failed.</param>
    public void BecomeDeciding(bool hasFailed = false)
    {
        var failedCount = (State.Phase as RunPhase.Saving)?.FailedCount ?? 0;
        Become(new RunPhase.Deciding(hasFailed ? failedCount + 1 : failedCount));
    }

    /// <summary>Plans a step.</summary>
    public void BecomeStepping(IEnumerable<IReadOnlyList<LeafRange>> ranges) =>
        BeginWork(new RunPhase.Stepping(new(State.Members, ranges), State.Now));

    /// <summary>Has validation micro-batches computed.</summary>
    public void BecomeValidating(IEnumerable<LeafRange> ranges) =>
        BeginWork(new RunPhase.Validating(new(State.Members, ranges)));

    /// <summary>Has samples drawn.</summary>
    public void BecomeSampling(IEnumerable<LeafRange> ranges) =>
        BeginWork(new RunPhase.Sampling(new(State.Members, ranges)));

    /// <summary>An answer that the phase awaits has come; the phase stays.</summary>
    public void Continue<TPhase>(TPhase phase)
        where TPhase : RunPhase
    {
        if (State.Phase is not TPhase)
            throw new InvalidOperationException($"{State.Phase.GetType().Name} is not {typeof(TPhase).Name}.");
        State = State with { Phase = phase };
    }

    /// <summary>Waits for a checkpoint.</summary>
    /// <param name="failedCount">Attempts to write it that failed already.</param>
    public void BecomeSaving(int failedCount) => Become(new RunPhase.Saving(failedCount));

    /// <summary>Rests: of what was known only the record stays, and who is offered.</summary>
    /// <param name="step">The step it rests at.</param>
    public void BecomeResting(long step)
    {
        Become(new RunPhase.Resting());
        State = new RunState(Record)
        {
            Options = State.Options,
            Phase = State.Phase,
            HasAsked = true,
            Step = step,
            Cluster = new ClusterOffer(State.Cluster.Offered),
            Now = State.Now,
            MovedAt = State.Now,
            ProgressAt = State.Now,
        };
    }

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

    /// <summary>The run does without a worker, or without all of a silo.</summary>
    public void Exclude(Exclusion exclusion) => Exclusions = Exclusions.With(exclusion);

    /// <summary>Exclusions are over.</summary>
    /// <returns>Which.</returns>
    public ImmutableList<Exclusion> Readmit(Predicate<Exclusion> isOver)
    {
        var over = Exclusions.All.FindAll(isOver);
        Exclusions = Exclusions.Without(isOver);
        return over;
    }

    public void Replace(RunMember old, RunMember changed) =>
        State = State with { Members = State.Members.Replace(old, changed) };

    private void BeginWork(RunPhase phase)
    {
        Become(phase);
        // Whoever is given work gives up what it holds of an interrupted step, but for what the work goes on with.
        State = State with { Members = State.Members.ConvertAll(member => member with { Held = [] }) };
        SendAll(Outstanding.Of(State));
    }

    private void Become(RunPhase next)
    {
        var arrow = (State.Phase.GetType(), next.GetType());
        if (!Arrows.Contains(arrow))
            throw new InvalidOperationException($"No arrow leads from {arrow.Item1.Name} to {arrow.Item2.Name}.");
        State = State with { Phase = next };
    }

    private static IEnumerable<(Type From, Type To)> AllArrows()
    {
        Type[] inFlight =
        [
            typeof(RunPhase.Preparing), typeof(RunPhase.Stepping), typeof(RunPhase.Validating),
            typeof(RunPhase.Sampling), typeof(RunPhase.Saving),
        ];
        Type[] chosen = [.. inFlight.Skip(1)];
        Type[] active = [typeof(RunPhase.Surveying), typeof(RunPhase.Deciding), .. inFlight];
        Type[] interruptions = [typeof(RunPhase.Surveying), typeof(RunPhase.Waiting), typeof(RunPhase.Resting)];
        return
        [
            (typeof(RunPhase.Surveying), typeof(RunPhase.Preparing)),
            .. inFlight.Select(from => (from, typeof(RunPhase.Deciding))),
            .. chosen.Select(to => (typeof(RunPhase.Deciding), to)),
            .. active.Append(typeof(RunPhase.Waiting)).SelectMany(from => interruptions.Select(to => (from, to))),
            (typeof(RunPhase.Resting), typeof(RunPhase.Waiting)),
            (typeof(RunPhase.Resting), typeof(RunPhase.Resting)),
        ];
    }
}

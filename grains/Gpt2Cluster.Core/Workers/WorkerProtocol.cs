using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Workers;

/// <summary>
/// What one worker does for one run, decided: which orders it takes, which are repeats, what its replica may be used
/// for, what is gone on with and what is reported. Each method is something that happened; what is to be done about it
/// is appended to <see cref="Effects"/>.
/// </summary>
/// <remarks>
/// Orders are taken at once and carried out one after the other. A newer generation interrupts what waits and what is
/// under way, checkpoints apart: these belong to a step whatever the generation. What was folded of an interrupted step
/// is kept, and gone on with if the next plan gives the same micro-batches first.
/// </remarks>
/// <param name="worker">The worker's key.</param>
/// <param name="specification">The run's.</param>
public class WorkerProtocol(string worker, RunSpecification specification)
{
    private readonly OrderDeduplicator orders = new();
    private readonly InterruptedStep interrupted = new();
    private bool isWhole;
    private bool isReleased;
    private bool reportsExchange;
    private UpdateKind update;

    /// <summary>What is to be done; whoever does it clears the list.</summary>
    public List<WorkerEffect> Effects { get; } = [];

    /// <summary>The newest generation it was prepared for; 0 before the first.</summary>
    public int Generation { get; private set; }

    /// <summary>The last step that the replica has applied; 0 before the first.</summary>
    public long Step { get; private set; }

    /// <summary>
    /// The step that the replica stands at; null without one. One that was made or updated in part counts as none.
    /// </summary>
    public long? HeldStep => isWhole ? Step : null;

    /// <summary>An order comes.</summary>
    /// <returns>
    /// Whether it is taken: a preparation of this generation or a newer one is, and another order of this generation.
    /// </returns>
    public bool Take(WorkerOrder order)
    {
        ArgumentNullException.ThrowIfNull(order);
        if (order.Generation < Generation || (order.Generation > Generation && order.Command is not PrepareReplica))
            return false;
        if (order.Generation > Generation)
        {
            Generation = order.Generation;
            InterruptWork();
        }

        if (order.Command is PlanStep plan)
            Effects.Add(new FetchWindows(plan));
        if (orders.IsNew(order.Key, out var answer))
            Effects.Add(new Enqueue(order));
        else if (answer is not null)
            Effects.Add(new Report(answer));
        return true;
    }

    /// <summary>Whether a generation's word that the worker is not needed any more counts.</summary>
    public bool MayRelease(int generation) => generation >= Generation;

    /// <summary>The service ends: what waits is given up, checkpoints apart, and then the replica is.</summary>
    public void End()
    {
        isReleased = true;
        Effects.Add(new Interrupt());
        Effects.Add(new Free());
    }

    /// <summary>The compute thread has come to an order: it begins, or comes to nothing.</summary>
    public void OnTurn(WorkerOrder order)
    {
        ArgumentNullException.ThrowIfNull(order);
        if (order.Command is not WriteCheckpoint && (isReleased || order.Generation < Generation))
            OnInterrupted(order);
        else
            Begin(order);
    }

    /// <summary>The replica is made, and stands at a step.</summary>
    public void OnMade(MakeReplica made, long step)
    {
        ArgumentNullException.ThrowIfNull(made);
        (Step, isWhole) = (step, true);
        Effects.Add(new ShowProfile(made.Order));
    }

    /// <summary>What can change the replica's bits: the worker stands ready.</summary>
    /// <param name="shown">What was asked.</param>
    /// <param name="profile">The answer; null if there is no replica.</param>
    public void OnProfile(ShowProfile shown, ComputeProfile? profile)
    {
        ArgumentNullException.ThrowIfNull(shown);
        OnDone(shown.Order, new ReplicaReady(
            worker, shown.Order.Generation, HeldStep, profile, isWhole ? interrupted.HeldAfter(Step) : []));
    }

    /// <summary>
    /// The step's average is here, and this becomes of it. Until the step is done the replica may be updated in part.
    /// </summary>
    public StepUpdate OnAveraged(double norm)
    {
        var decided = StepUpdate.Of(specification, norm);
        update = decided.Kind;
        if (decided.IsApplied)
            BeginUpdate();
        return decided;
    }

    /// <summary>An order is carried out: it is answered now, and again whenever it is repeated.</summary>
    public virtual void OnDone(WorkerOrder order, CoordinatorInput answer)
    {
        ArgumentNullException.ThrowIfNull(order);
        if (order.Command is PlanStep plan)
            EndStep(plan);
        orders.Answer(order.Key, answer);
        Effects.Add(new Report(answer));
        // It may be tried again.
        if (answer is CheckpointFailed)
            orders.Forget(order.Key);
    }

    /// <summary>An order was given up, as its generation is over. What it has come to is kept.</summary>
    public void OnInterrupted(WorkerOrder order)
    {
        ArgumentNullException.ThrowIfNull(order);
        if (order.Command is PlanStep)
            interrupted.Interrupt();
        orders.Forget(order.Key);
    }

    /// <summary>An order could not be carried out.</summary>
    public void OnFailed(WorkerOrder order, WorkerFailure failure)
    {
        ArgumentNullException.ThrowIfNull(order);
        ArgumentNullException.ThrowIfNull(failure);
        if (order.Command is PlanStep)
            interrupted.End();
        orders.Forget(order.Key);
        var reason = $"{order.Phase} failed: {failure.Reason}";
        Effects.Add(new Report((order.Command, failure.Kind) switch
        {
            // No memory for a snapshot is no more than a checkpoint that is missing.
            (WriteCheckpoint saving, _) => new CheckpointFailed(worker, saving.Step, failure.Reason),
            (_, FailureKind.CheckpointDamaged) => new CheckpointDamaged(failure.Step, failure.Reason),
            (_, FailureKind.CheckpointUnreachable) =>
                new CheckpointUnreachable(worker, order.Generation, failure.Step, failure.Reason),
            var (_, kind) => new WorkerTroubled(
                worker,
                order.Generation,
                reason,
                IsFinal: kind == FailureKind.BadInput,
                HasNoMemory: kind == FailureKind.NoMemory),
        }));
    }

    /// <summary>Whatever waits for an older generation, or is under way for it, ends.</summary>
    protected virtual void InterruptWork() => Effects.Add(new Interrupt());

    /// <summary>An update that fails half way leaves no replica.</summary>
    protected virtual void BeginUpdate() => isWhole = false;

    private void Begin(WorkerOrder order)
    {
        switch (order.Command)
        {
            case PrepareReplica preparation:
                Prepare(order, preparation);
                break;
            case PlanStep plan:
                Plan(order, plan);
                break;
            case Validate validation:
                Effects.Add(new SumLosses(order, validation));
                break;
            case Sample sampling:
                Effects.Add(new DrawSamples(order, sampling));
                break;
            case WriteCheckpoint saving when HeldStep == saving.Step:
                Effects.Add(new WriteSnapshot(order, saving));
                break;
            case WriteCheckpoint:
                Refuse(order, "the replica has gone on");
                break;
        }
    }

    private void Prepare(WorkerOrder order, PrepareReplica preparation)
    {
        reportsExchange = order.ReportsExchange;
        if (preparation.Source == ReplicaSource.Keep)
        {
            Effects.Add(new ShowProfile(order));
            return;
        }

        isWhole = false;
        interrupted.Clear();
        Effects.Add(new MakeReplica(order, preparation));
    }

    private void Plan(WorkerOrder order, PlanStep plan)
    {
        if (!isWhole)
            Refuse(order, "an update failed half way, and the replica is not whole");
        else if (Step != plan.Step - 1)
            Refuse(order, $"the replica stands at step {Step} and cannot compute step {plan.Step}");
        else
            Effects.Add(new ComputeStep(order, interrupted.Begin(plan), reportsExchange));
    }

    private void EndStep(PlanStep plan)
    {
        interrupted.End();
        if (update != UpdateKind.None)
            (Step, isWhole) = (plan.Step, true);
        update = UpdateKind.None;
    }

    private void Refuse(WorkerOrder order, string reason)
    {
        Effects.Add(new Refuse(order, reason));
        OnFailed(order, new WorkerFailure(reason));
    }
}

using Gpt2Cluster.Core.Runs;

namespace Gpt2Cluster.Core.Workers;

/// <summary>What <see cref="WorkerProtocol"/> wants done, in this order.</summary>
public abstract record WorkerEffect;

/// <summary>
/// Put an order behind what the compute thread has to do; there <see cref="WorkerProtocol.OnTurn"/> begins it.
/// </summary>
public sealed record Enqueue(WorkerOrder Order) : WorkerEffect;

/// <summary>Whatever was put in the queue by now is to end soon: its generation is over.</summary>
public sealed record Interrupt : WorkerEffect;

/// <summary>Begin to fetch the windows of a step, while the compute thread is still busy.</summary>
public sealed record FetchWindows(PlanStep Plan) : WorkerEffect;

/// <summary>Tell the coordinator, behind what it was told before.</summary>
public sealed record Report(CoordinatorInput Event) : WorkerEffect;

/// <summary>An order cannot be carried out; a <see cref="Report"/> follows.</summary>
public sealed record Refuse(WorkerOrder Order, string Reason) : WorkerEffect;

/// <summary>Behind what the compute thread has to do, give up the replica and all that belongs to it.</summary>
public sealed record Free : WorkerEffect;

/// <summary>
/// Something for the compute thread, now. What becomes of it is told to the protocol under the order that wants it.
/// </summary>
public abstract record ComputeEffect(WorkerOrder Order) : WorkerEffect;

/// <summary>
/// Make the replica, if there is none, and have it stand where the preparation says; then
/// <see cref="WorkerProtocol.OnMade"/>.
/// </summary>
public sealed record MakeReplica(WorkerOrder Order, PrepareReplica Preparation) : ComputeEffect(Order);

/// <summary>
/// Say what can change the replica's bits, if there is one, whole or not; then <see cref="WorkerProtocol.OnProfile"/>.
/// </summary>
public sealed record ShowProfile(WorkerOrder Order) : ComputeEffect(Order);

/// <summary>
/// Compute the micro-batches of a step that remain, contribute and average; ask <see cref="WorkerProtocol.OnAveraged"/>
/// and do as it says; then <see cref="WorkerProtocol.OnDone"/>.
/// </summary>
/// <param name="Order">The order.</param>
/// <param name="Progress">
/// How far it is: whoever computes adds each loss, and nobody else looks at it until it is told what came of the order.
/// </param>
/// <param name="ReportsExchange">Whether the report has the bytes that the silo has sent.</param>
public sealed record ComputeStep(
    WorkerOrder Order, StepProgress Progress, bool ReportsExchange) : ComputeEffect(Order);

/// <summary>
/// Sum up losses of the windows of validation micro-batches; then <see cref="WorkerProtocol.OnDone"/>.
/// </summary>
public sealed record SumLosses(WorkerOrder Order, Validate Validation) : ComputeEffect(Order);

/// <summary>Draw samples; then <see cref="WorkerProtocol.OnDone"/>.</summary>
public sealed record DrawSamples(WorkerOrder Order, Sample Sampling) : ComputeEffect(Order);

/// <summary>
/// Snapshot the replica, and write the snapshot in the background; then <see cref="WorkerProtocol.OnDone"/>.
/// </summary>
public sealed record WriteSnapshot(WorkerOrder Order, WriteCheckpoint Saving) : ComputeEffect(Order);

using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Workers;
using Gpt2Cluster.Grains.Workers.Windows;

namespace Gpt2Cluster.Grains.Workers;

/// <summary>
/// One step on one worker, in the order a person says it: compute, contribute, average, apply, report. Runs on the
/// worker's compute thread.
/// </summary>
/// <remarks>
/// A plan may be interrupted between two micro-batches by a new generation. What was folded by then is kept: if the
/// next plan gives the worker the same ranges first, it goes on from there.
/// </remarks>
internal sealed class WorkerStep(
    IReplica replica, IRunExchange exchange, DataLoader windows, int microBatchCount, TimeProvider time)
{
    /// <summary>How long the last step waited for windows that were still on their way; no part of its speed.</summary>
    public TimeSpan DataWait { get; private set; }

    /// <summary>Does the worker's part of the step.</summary>
    /// <param name="work">
    /// The step, how far it is, and whether the report has the bytes that the silo has sent: one worker of each silo
    /// reports them, and which one may change with each generation.
    /// </param>
    /// <param name="decide">Says what becomes of an averaged gradient, by its norm.</param>
    /// <param name="cancellation">Ends the step between two micro-batches, and the wait for averages.</param>
    /// <exception cref="OperationCanceledException">
    /// The generation changed between two micro-batches, or while averages were awaited.
    /// </exception>
    public StepReported Run(ComputeStep work, Func<double, StepUpdate> decide, CancellationToken cancellation)
    {
        var (progress, reportsExchange) = (work.Progress, work.ReportsExchange);
        var plan = progress.Plan;
        Begin(progress);
        var began = time.GetTimestamp();
        Compute(progress, cancellation);
        var computed = time.GetTimestamp();
        var overlappedBytes = reportsExchange ? exchange.Figures(plan.Step).SentBytes : 0;

        var averages = Average(plan, cancellation);
        var averaged = time.GetTimestamp();
        FaultPoints.Reach(FaultPoint.Averaged, plan.Step);

        var updating = time.GetTimestamp();
        var norm = replica.GradientNorm(averages);
        var update = decide(norm);
        Apply(plan, averages, update);
        var updated = time.GetTimestamp();
        FaultPoints.Reach(FaultPoint.Applied, plan.Step);

        return progress.Report(norm, update.IsApplied) with
        {
            Compute = time.GetElapsedTime(began, computed) - DataWait,
            ExposedExchange = time.GetElapsedTime(computed, averaged),
            Update = time.GetElapsedTime(updating, updated),
            SentBytes = reportsExchange ? exchange.Figures(plan.Step).SentBytes : 0,
            OverlappedBytes = overlappedBytes,
        };
    }

    /// <summary>Goes on with what an interrupted plan of the step has left, or begins the step.</summary>
    private void Begin(StepProgress progress)
    {
        var plan = progress.Plan;
        if (!StaysHere(plan))
            exchange.BeginStep(plan.Step, plan.Generation, plan.SiloRanges);
        if (progress.GoesOn)
            replica.ExtendStep(plan.Ranges, ContributionsOf(plan));
        else
            replica.BeginStep(plan.Step, plan.Ranges, microBatchCount);
    }

    /// <summary>
    /// Forward and backward of each micro-batch; finished sums go out while the backward pass goes on.
    /// </summary>
    private void Compute(StepProgress progress, CancellationToken cancellation)
    {
        DataWait = TimeSpan.Zero;
        var plan = progress.Plan;
        var contributions = ContributionsOf(plan);
        foreach (var index in progress.Remaining)
        {
            cancellation.ThrowIfCancellationRequested();
            var asked = time.GetTimestamp();
            var batch = windows.Take(plan.Step, index, cancellation);
            DataWait += time.GetElapsedTime(asked);
            progress.Add(replica.ComputeMicroBatch(batch, contributions));
        }
    }

    /// <summary>The averaged gradient; null if it lies in the replica.</summary>
    private FlatBuffer? Average(PlanStep plan, CancellationToken cancellation)
    {
        if (!StaysHere(plan))
            return exchange.WaitForAverages(plan.Step, replica.TakeAverages(), cancellation);
        replica.AverageAlone();
        return null;
    }

    /// <summary>
    /// Whether the step needs no exchange: the worker folds all of it, and the replica averages alone.
    /// </summary>
    private bool StaysHere(PlanStep plan) =>
        plan.IsAlone && replica.AveragesAlone
        && plan.Ranges.SequenceEqual([new LeafRange(0, microBatchCount)]);

    private IContributionSink ContributionsOf(PlanStep plan) =>
        StaysHere(plan) ? NoContributions.Sink : new Contributions(exchange, plan);

    private void Apply(PlanStep plan, FlatBuffer? averages, StepUpdate update)
    {
        if (update.Kind == UpdateKind.Apply)
            replica.Apply(averages, plan.Step, plan.LearningRate, update.Scale);
        else if (update.Kind == UpdateKind.Skip)
            replica.Skip(plan.Step);
    }

    /// <summary>Hands finished ranges to the exchange under the plan's step and generation.</summary>
    private sealed class Contributions(IRunExchange exchange, PlanStep plan) : IContributionSink
    {
        public void Contribute(Subtree subtree, FlatBuffer sums, long start, long end)
        {
            FaultPoints.Reach(FaultPoint.Contributing, plan.Step);
            exchange.Contribute(plan.Step, plan.Generation, subtree, sums, start, end);
        }
    }
}

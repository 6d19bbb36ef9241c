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

        // Where the worker folds all of the step, its replica may average alone: nothing leaves it.
        var isAlone = plan.IsAlone && replica.AveragesAlone
            && plan.Ranges.SequenceEqual([new LeafRange(0, microBatchCount)]);
        if (!isAlone)
            exchange.BeginStep(plan.Step, plan.Generation, plan.SiloRanges);
        var contributions = isAlone
            ? NoContributions.Sink : exchange.Contributions(plan.Step, plan.Generation);
        Begin(progress, contributions);
        var began = time.GetTimestamp();
        Compute(progress, contributions, cancellation);
        var computed = time.GetTimestamp();
        var overlappedBytes = reportsExchange ? exchange.Figures(plan.Step).SentBytes : 0;

        FlatBuffer? averages = null;
        if (isAlone)
            replica.AverageAlone();
        else
            averages = exchange.WaitForAverages(plan.Step, replica.TakeAverages(), cancellation);
        var averaged = time.GetTimestamp();
        FaultPoints.Reach(FaultPoint.Averaged, plan.Step);

        var updating = time.GetTimestamp();
        var norm = replica.GradientNorm(averages);
        var update = decide(norm);
        if (update.IsApplied)
            replica.Apply(averages, plan.Step, plan.LearningRate, update.Scale);
        else if (update.Kind == UpdateKind.Skip)
            replica.Skip(plan.Step);
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
    private void Begin(StepProgress progress, IContributionSink contributions)
    {
        var plan = progress.Plan;
        if (progress.GoesOn)
            replica.ExtendStep(plan.Ranges, contributions);
        else
            replica.BeginStep(plan.Step, plan.Ranges, microBatchCount);
    }

    /// <summary>
    /// Forward and backward of each micro-batch; finished sums go out while the backward pass goes on.
    /// </summary>
    private void Compute(StepProgress progress, IContributionSink contributions, CancellationToken cancellation)
    {
        DataWait = TimeSpan.Zero;
        foreach (var index in progress.Remaining)
        {
            cancellation.ThrowIfCancellationRequested();
            var asked = time.GetTimestamp();
            var batch = windows.Take(progress.Plan.Step, index, cancellation);
            DataWait += time.GetElapsedTime(asked);
            progress.Add(replica.ComputeMicroBatch(batch, contributions));
        }
    }
}

using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;

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
    string worker,
    RunSpecification specification,
    IReplica replica,
    IRunExchange exchange,
    WindowPrefetch windows,
    TimeProvider time)
{
    /// <summary>Added to the norm before dividing, as <c>torch.nn.utils.clip_grad_norm_</c> does.</summary>
    private const double ClipEpsilon = 1e-6;

    // What is folded of a step that was interrupted. A step that fails in another way leaves nothing to build on.
    private StepProgress? interrupted;

    /// <summary>What it holds of an interrupted plan for the step after the replica's; mostly none.</summary>
    public IReadOnlyList<LeafRange> Held =>
        interrupted is { Losses.Count: > 0 } held && held.Step == replica.Step + 1 ? held.Ranges : [];

    /// <summary>Micro-batches of the last step that it had to compute again, as a later plan began anew.</summary>
    public int RecomputedCount { get; private set; }

    /// <summary>How long the last step waited for windows that were still on their way; no part of its speed.</summary>
    public TimeSpan DataWait { get; private set; }

    /// <summary>Does the worker's part of the step.</summary>
    /// <param name="plan">The step.</param>
    /// <param name="reportsExchange">
    /// Whether the report has the bytes that the silo has sent: one worker of each silo reports them, and which one may
    /// change with each generation.
    /// </param>
    /// <param name="cancellation">Ends the step between two micro-batches, and the wait for averages.</param>
    /// <exception cref="OperationCanceledException">
    /// The generation changed between two micro-batches, or while averages were awaited.
    /// </exception>
    public StepReported Run(PlanStep plan, bool reportsExchange, CancellationToken cancellation)
    {
        var progress = Begin(plan);
        try
        {
            return Run(plan, progress, reportsExchange, cancellation);
        }
        catch (OperationCanceledException)
        {
            interrupted = progress;
            throw;
        }
    }

    private StepReported Run(
        PlanStep plan, StepProgress progress, bool reportsExchange, CancellationToken cancellation)
    {
        var began = time.GetTimestamp();
        var keptCount = progress.Losses.Count;
        Compute(plan, progress, cancellation);
        var computed = time.GetTimestamp();
        var overlappedBytes = reportsExchange ? exchange.Figures(plan.Step).SentBytes : 0;

        var averages = Average(plan, progress, cancellation);
        var averaged = time.GetTimestamp();
        FaultPoints.Reach(FaultPoint.Averaged, plan.Step);

        var updating = time.GetTimestamp();
        var norm = replica.GradientNorm(averages);
        var applied = Apply(plan, averages, norm);
        var updated = time.GetTimestamp();
        FaultPoints.Reach(FaultPoint.Applied, plan.Step);

        return new StepReported(
            worker,
            plan.Generation,
            plan.Step,
            [.. progress.Losses],
            norm,
            applied,
            keptCount,
            Compute: time.GetElapsedTime(began, computed) - DataWait,
            ExposedExchange: time.GetElapsedTime(computed, averaged),
            Update: time.GetElapsedTime(updating, updated),
            SentBytes: reportsExchange ? exchange.Figures(plan.Step).SentBytes : 0,
            OverlappedBytes: overlappedBytes);
    }

    /// <summary>Goes on with what an interrupted plan of the step has left, or begins the step.</summary>
    private StepProgress Begin(PlanStep plan)
    {
        var before = interrupted;
        interrupted = null;
        var progress = new StepProgress(plan.Step, plan.Ranges);
        if (!StaysHere(plan, progress))
            exchange.BeginStep(plan.Step, plan.Generation, plan.SiloRanges);
        RecomputedCount = before?.Step == plan.Step ? RecomputedCount : 0;
        if (before is not null && progress.ContinuesFrom(before))
        {
            replica.ExtendStep(progress.Ranges, ContributionsOf(plan, progress));
            return progress;
        }

        if (before?.Step == plan.Step)
            RecomputedCount += before.Computed.Intersect(progress.Ranges.Leaves()).Count();
        replica.BeginStep(plan.Step, progress.Ranges, specification.MicroBatchCount);
        return progress;
    }

    /// <summary>
    /// Forward and backward of each micro-batch; finished sums go out while the backward pass goes on.
    /// </summary>
    private void Compute(PlanStep plan, StepProgress progress, CancellationToken cancellation)
    {
        DataWait = TimeSpan.Zero;
        var contributions = ContributionsOf(plan, progress);
        foreach (var index in progress.Ranges.Leaves().Skip(progress.Losses.Count))
        {
            cancellation.ThrowIfCancellationRequested();
            var asked = time.GetTimestamp();
            var batch = windows.Take(plan.Step, index, cancellation);
            DataWait += time.GetElapsedTime(asked);
            progress.Losses.Add(replica.ComputeMicroBatch(batch, contributions));
        }
    }

    /// <summary>The averaged gradient; null if it lies in the replica.</summary>
    private FlatBuffer? Average(PlanStep plan, StepProgress progress, CancellationToken cancellation)
    {
        if (!StaysHere(plan, progress))
            return exchange.WaitForAverages(plan.Step, replica.TakeAverages(), cancellation);
        replica.AverageAlone();
        return null;
    }

    /// <summary>
    /// Whether the step needs no exchange: the worker folds all of it, and the replica averages alone.
    /// </summary>
    private bool StaysHere(PlanStep plan, StepProgress progress) =>
        plan.IsAlone && replica.AveragesAlone
        && progress.Ranges.SequenceEqual([new LeafRange(0, specification.MicroBatchCount)]);

    private IContributionSink ContributionsOf(PlanStep plan, StepProgress progress) =>
        StaysHere(plan, progress) ? NoContributions.Sink : new Contributions(exchange, plan);

    /// <summary>Clips and updates; a gradient that is not finite is never applied.</summary>
    private bool Apply(PlanStep plan, FlatBuffer? averages, double norm)
    {
        if (double.IsFinite(norm))
        {
            var clipNorm = specification.Optimizer.ClipNorm;
            var scale = clipNorm > 0 && norm > clipNorm ? clipNorm / (norm + ClipEpsilon) : 1.0;
            replica.Apply(averages, plan.Step, plan.LearningRate, scale);
            return true;
        }

        if (specification.OnNan == NanPolicy.Skip)
            replica.Skip(plan.Step);
        return false;
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

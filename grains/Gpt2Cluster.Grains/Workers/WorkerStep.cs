using Gpt2Cluster.Contracts.Workers;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Grains.Workers;

/// <summary>
/// One step on one worker, in the order a person says it: compute, contribute, average, apply, report. Runs on the
/// worker's compute thread.
/// </summary>
internal sealed class WorkerStep(
    string worker,
    bool reportsExchange,
    RunSpecification specification,
    IReplica replica,
    IRunExchange exchange,
    WindowPrefetch windows,
    TimeProvider time)
{
    /// <summary>Added to the norm before dividing, as <c>torch.nn.utils.clip_grad_norm_</c> does.</summary>
    private const double ClipEpsilon = 1e-6;

    /// <summary>Does the worker's part of the step.</summary>
    /// <exception cref="OperationCanceledException">The generation changed while averages were awaited.</exception>
    public StepReport Run(StepPlan plan, CancellationToken cancellation)
    {
        var began = time.GetTimestamp();
        exchange.BeginStep(plan.Step, plan.Generation);
        replica.BeginStep(plan.Step, plan.FirstMicroBatch, plan.EndMicroBatch, specification.MicroBatchCount);

        var losses = Compute(plan, cancellation, out var dataWait);
        var computed = time.GetTimestamp();

        var averages = exchange.WaitForAverages(plan.Step, cancellation);
        var averaged = time.GetTimestamp();

        var norm = replica.GradientNorm(averages);
        var applied = Apply(plan, averages, norm);

        return new StepReport
        {
            Worker = worker,
            Generation = plan.Generation,
            Step = plan.Step,
            FirstMicroBatch = plan.FirstMicroBatch,
            Losses = losses,
            GradientNorm = norm,
            Applied = applied,
            ComputeSeconds = (time.GetElapsedTime(began, computed) - dataWait).TotalSeconds,
            DataWaitSeconds = dataWait.TotalSeconds,
            ExposedExchangeSeconds = time.GetElapsedTime(computed, averaged).TotalSeconds,
            SentBytes = reportsExchange ? exchange.Figures(plan.Step).SentBytes : 0,
        };
    }

    /// <summary>
    /// Forward and backward of each micro-batch; finished sums go out while the backward pass goes on.
    /// </summary>
    /// <param name="plan">The step.</param>
    /// <param name="cancellation">Ends it between two micro-batches.</param>
    /// <param name="dataWait">How long it waited for windows; no part of the worker's speed.</param>
    private double[] Compute(StepPlan plan, CancellationToken cancellation, out TimeSpan dataWait)
    {
        dataWait = TimeSpan.Zero;
        var contributions = new Contributions(exchange, plan);
        var losses = new double[plan.EndMicroBatch - plan.FirstMicroBatch];
        for (var index = plan.FirstMicroBatch; index < plan.EndMicroBatch; index++)
        {
            cancellation.ThrowIfCancellationRequested();
            var asked = time.GetTimestamp();
            var batch = windows.Take(plan.Step, index);
            dataWait += time.GetElapsedTime(asked);
            losses[index - plan.FirstMicroBatch] = replica.ComputeMicroBatch(batch, contributions);
        }

        return losses;
    }

    /// <summary>Clips and updates; a gradient that is not finite is never applied.</summary>
    private bool Apply(StepPlan plan, FlatBuffer averages, double norm)
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
    private sealed class Contributions(IRunExchange exchange, StepPlan plan) : IContributionSink
    {
        public void Contribute(Subtree subtree, FlatBuffer sums, long start, long end) =>
            exchange.Contribute(plan.Step, plan.Generation, subtree, sums, start, end);
    }
}

using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Grains.Workers;
using Gpt2Cluster.Simulator.Exchange;
using Gpt2Cluster.Simulator.Oracle;
using Gpt2Cluster.Simulator.Schedules;
using Gpt2Cluster.Simulator.Silos;

namespace Gpt2Cluster.Simulator.Workers;

/// <summary>
/// One step on one worker: compute, contribute, average, apply, report. What was folded of a plan that is interrupted
/// is kept, as on a real worker.
/// </summary>
internal sealed class WorkerStepping(
    SimulatedCluster cluster,
    Silo silo,
    WorkerService service,
    string worker,
    SimulatedReplica replica,
    SimulatedExchange exchange)
{
    // An update takes longer than a micro-batch's forward pass; there is one for many of these.
    private const double UpdatesFail = 5;

    private StepProgress? interrupted;

    /// <summary>What it holds of an interrupted plan for the step after the replica's.</summary>
    public IReadOnlyList<LeafRange> Held =>
        interrupted is { Losses.Count: > 0 } held && held.Step == replica.Step + 1 ? held.Ranges : [];

    /// <summary>Does the worker's part of the step.</summary>
    public async Task<StepReported> Run(PlanStep plan, CancellationToken token)
    {
        var progress = Begin(plan);
        try
        {
            var keptCount = progress.Losses.Count;
            await Compute(plan, progress, token);
            var averages = await exchange.Wait(plan.Step, token);
            return Finish(plan, progress, keptCount, averages);
        }
        catch (OperationCanceledException)
        {
            interrupted = progress;
            throw;
        }
    }

    private StepProgress Begin(PlanStep plan)
    {
        var before = interrupted;
        interrupted = null;
        var progress = new StepProgress(plan.Step, plan.Ranges);
        exchange.BeginStep(plan.Step, plan.Generation, plan.SiloRanges);
        if (before is not null && progress.ContinuesFrom(before))
            replica.ExtendStep(progress.Ranges, (subtree, sums) => Contribute(plan, subtree, sums));
        else
            replica.BeginStep(progress.Ranges);
        return progress;
    }

    private async Task Compute(PlanStep plan, StepProgress progress, CancellationToken token)
    {
        foreach (var leaf in progress.Ranges.Leaves().Skip(progress.Losses.Count))
        {
            token.ThrowIfCancellationRequested();
            await silo.Work(cluster.World.MicroBatchSeconds * (1 + cluster.Chance.Share()) * silo.Machine.Slowness);
            FailMaybe(cluster.World.DeviceFailure);
            progress.Losses.Add(replica.Compute(plan.Step, leaf, (subtree, sums) => Contribute(plan, subtree, sums)));
            cluster.Watch.Computed(service, worker, plan, leaf);
        }
    }

    private void FailMaybe(double probability)
    {
        if (!cluster.Chance.Happens(probability))
            return;
        cluster.Tally.Count(Fault.DeviceFailed);
        throw new InvalidOperationException("the device failed");
    }

    private void Contribute(PlanStep plan, Subtree subtree, float[] sums) =>
        exchange.Contribute(plan.Step, plan.Generation, subtree, sums);

    private StepReported Finish(PlanStep plan, StepProgress progress, int keptCount, float[] averages)
    {
        var norm = TrainingModel.Norm(averages);
        var applied = double.IsFinite(norm);
        if (applied)
            replica.Apply(
                averages, plan.Step, plan.LearningRate, () => FailMaybe(UpdatesFail * cluster.World.DeviceFailure));
        else if (cluster.Specification.OnNan == NanPolicy.Skip)
            replica.Skip(plan.Step);
        var seconds = cluster.World.MicroBatchSeconds * silo.Machine.Slowness * progress.Losses.Count;
        return new StepReported(
            worker, plan.Generation, plan.Step, [.. progress.Losses], norm, applied, keptCount,
            Compute: TimeSpan.FromSeconds(seconds), Update: TimeSpan.Zero);
    }
}

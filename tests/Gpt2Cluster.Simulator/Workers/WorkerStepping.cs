using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Workers;
using Gpt2Cluster.Simulator.Exchange;
using Gpt2Cluster.Simulator.Oracle;
using Gpt2Cluster.Simulator.Schedules;
using Gpt2Cluster.Simulator.Silos;

namespace Gpt2Cluster.Simulator.Workers;

/// <summary>
/// One step on one worker, on simulated time: compute, contribute, average, apply, report.
/// </summary>
internal sealed class WorkerStepping(
    SimulatedCluster cluster,
    Silo silo,
    WorkerService service,
    WorkerId worker,
    SimulatedReplica replica,
    SimulatedExchange exchange)
{
    // An update takes longer than a micro-batch's forward pass; there is one for many of these.
    private const double UpdatesFail = 5;

    /// <summary>Does the worker's part of the step.</summary>
    /// <param name="progress">The step and how far it is.</param>
    /// <param name="decide">Says what becomes of an averaged gradient, by its norm.</param>
    /// <param name="token">Ends it between two micro-batches, and the wait for averages.</param>
    public async Task<StepReported> Run(
        StepProgress progress, Func<double, StepUpdate> decide, CancellationToken token)
    {
        var plan = progress.Plan;
        exchange.BeginStep(plan.Step, plan.Generation, plan.SiloRanges);
        if (progress.GoesOn)
            replica.ExtendStep(plan.Ranges, (subtree, sums) => Contribute(plan, subtree, sums));
        else
            replica.BeginStep(plan.Ranges);
        await Compute(plan, progress, token);
        return Finish(plan, progress, decide, await exchange.Wait(plan.Step, token));
    }

    private async Task Compute(PlanStep plan, StepProgress progress, CancellationToken token)
    {
        foreach (var leaf in progress.Remaining)
        {
            token.ThrowIfCancellationRequested();
            await silo.Work(cluster.World.MicroBatchSeconds * (1 + cluster.Chance.Share()) * silo.Machine.Slowness);
            FailMaybe(cluster.World.DeviceFailure);
            progress.Add(replica.Compute(plan.Step, leaf, (subtree, sums) => Contribute(plan, subtree, sums)));
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

    private StepReported Finish(
        PlanStep plan, StepProgress progress, Func<double, StepUpdate> decide, float[] averages)
    {
        var norm = TrainingModel.Norm(averages);
        var update = decide(norm);
        if (update.Kind == UpdateKind.Apply)
            replica.Apply(
                averages, plan.Step, plan.LearningRate, () => FailMaybe(UpdatesFail * cluster.World.DeviceFailure));
        else if (update.Kind == UpdateKind.Skip)
            replica.Skip(plan.Step);
        var seconds = cluster.World.MicroBatchSeconds * silo.Machine.Slowness * progress.Losses.Count;
        return progress.Report(norm, update.IsApplied) with
        {
            Compute = TimeSpan.FromSeconds(seconds),
            Update = TimeSpan.Zero,
        };
    }
}

using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Core.Workers;

namespace Gpt2Cluster.Simulator.Schedules;

/// <summary>The product's worker protocol, with a mistake where a mutant has one there.</summary>
internal static class MutantWorker
{
    /// <summary>The protocol.</summary>
    public static WorkerProtocol Of(Mutant mutant, string worker, RunSpecification specification) => mutant switch
    {
        Mutant.OldPlanReported => new Backdating(worker, specification),
        Mutant.HalfAnUpdateKept => new Careless(worker, specification),
        _ => new WorkerProtocol(worker, specification),
    };

    private sealed class Backdating(string worker, RunSpecification specification)
        : WorkerProtocol(worker, specification)
    {
        public override void OnDone(WorkerOrder order, CoordinatorInput answer) => base.OnDone(
            order, answer is StepReported report ? report with { Generation = Generation } : answer);

        protected override void InterruptWork()
        {
        }
    }

    private sealed class Careless(string worker, RunSpecification specification)
        : WorkerProtocol(worker, specification)
    {
        protected override void BeginUpdate()
        {
        }
    }
}

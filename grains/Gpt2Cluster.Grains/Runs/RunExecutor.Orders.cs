using System.Text.Json;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Models;
using Gpt2Cluster.Contracts.Workers;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Runs.State;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Grains.Workers;

namespace Gpt2Cluster.Grains.Runs;

/// <content>What is decided, in the words that travel to workers.</content>
internal sealed partial class RunExecutor
{
    private PrepareRequest ToRequest(PrepareReplica prepare, RunState state) => new()
    {
        Run = run,
        Generation = prepare.Generation,
        SpecificationJson = SpecificationJson.Write(state.Record.Specification),
        Origin = prepare.Source switch
        {
            ReplicaSource.Keep => ReplicaOrigin.Keep,
            ReplicaSource.Initialize => ReplicaOrigin.Initialize,
            ReplicaSource.Model => ReplicaOrigin.Model,
            ReplicaSource.Checkpoint => ReplicaOrigin.Checkpoint,
            ReplicaSource.Copy => ReplicaOrigin.Copy,
            _ => throw new ArgumentOutOfRangeException(nameof(prepare), prepare.Source, "Unknown source."),
        },
        Step = prepare.Step,
        Checkpoint = prepare.Source == ReplicaSource.Checkpoint ? CheckpointOf(prepare.Step, state.Record) : null,
        CopyFrom = [.. prepare.CopyFrom],
        ReportsExchange = IsFirstOfItsSilo(prepare.Worker, state),
    };

    private StoredCheckpoint? CheckpointOf(long step, RunRecord record) =>
        record.Checkpoints.FirstOrDefault(entry => entry.Step == step) is { } entry
            ? new StoredCheckpoint(run, step, entry.StateHash, entry.Silo, entry.DataFolderId)
            {
                Copies = [.. entry.Copies.Select(copy => new CheckpointPlace(copy.Silo, copy.DataFolderId))],
            }
            : null;

    private static bool IsFirstOfItsSilo(string worker, RunState state)
    {
        var silo = GrainKeys.SiloOf(worker);
        return state.Members.Find(member => member.Silo == silo)?.Key == worker;
    }

    private StepPlan ToPlan(PlanStep plan) => new()
    {
        Run = run,
        Generation = plan.Generation,
        Step = plan.Step,
        MicroBatches = MicroBatchRanges.ToWire(plan.Ranges),
        LearningRate = plan.LearningRate,
        SiloMicroBatches = MicroBatchRanges.ToWire(plan.SiloRanges),
        IsAlone = plan.IsAlone,
    };

    private ValidationPlan ToPlan(Validate validate) => new()
    {
        Run = run,
        Generation = validate.Generation,
        Step = validate.Step,
        FirstMicroBatch = validate.Range.First,
        EndMicroBatch = validate.Range.End,
    };

    private SamplePlan ToPlan(Sample sample) => new()
    {
        Run = run,
        Generation = sample.Generation,
        Step = sample.Step,
        FirstSample = sample.Range.First,
        EndSample = sample.Range.End,
    };

    private CheckpointPlan ToPlan(WriteCheckpoint write, RunState state) => new()
    {
        Run = run,
        Generation = write.Generation,
        Step = write.Step,
        RecordJson = JsonSerializer.Serialize(state.Record, SpecificationJson.Options),
        ValidationLoss = write.ValidationLoss,
    };
}

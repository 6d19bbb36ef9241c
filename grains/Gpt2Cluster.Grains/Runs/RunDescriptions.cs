using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Contracts.Runs;
using Gpt2Cluster.Contracts.Runs.Events;
using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Runs.State;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Grains.Runs;

/// <summary>A run in the words of those who ask.</summary>
internal static class RunDescriptions
{
    /// <summary>One line of the list.</summary>
    public static RunSummary Summary(RunState state, RunRecordStore records) => new()
    {
        Name = state.Record.Specification.Run,
        Status = (records.Stored ?? state.Record).Status,
        Step = HasReplicas(state) ? state.Step : state.Record.CommittedStep,
        Steps = state.Record.Specification.Steps,
        Loss = state.Record.LastLoss,
        BestValidationLoss = state.Record.BestValidation?.Loss,
        WorkerCount = state.Record.IsAtRest ? 0 : state.Members.Count,
        Model = state.Record.Specification.Model.Name,
        SubmittedAt = records.SubmittedAt,
        Generation = records.Stored?.Generation ?? 0,
        Device = state.Record.Devices?.Kind.Word() ?? DeviceKinds.Auto,
        DeviceClass = state.Record.Devices?.Class,
        Life = state.Record.Life,
        Datasets = [.. state.Record.Specification.DatasetHashes()],
    };

    private static bool HasReplicas(RunState state) => !state.Record.IsAtRest
        && state.Phase is not (RunPhase.Waiting or RunPhase.Surveying or RunPhase.Preparing);

    /// <summary>The run in full.</summary>
    public static RunDescription Of(RunState state, RunRecordStore records, long lastSequence)
    {
        var record = state.Record;
        var stored = records.Stored ?? record;
        return new RunDescription
        {
            Summary = Summary(state, records),
            Record = record with { Status = stored.Status, Remark = stored.Remark },
            Workers = record.IsAtRest ? [] : [.. state.Members.Select(member => member.Key)],
            LastSequence = lastSequence,
        };
    }

    /// <summary>The event of a new run.</summary>
    public static SubmittedEvent Submitted(RunSpecification specification) => new()
    {
        Run = specification.Run,
        Model = specification.Model.Name,
        Parameters = new ParameterLayout(specification.Model.Shape).Length,
        DatasetSha256 = specification.Dataset.Sha256,
        Tokens = TokensOfDataset(specification.Dataset),
        Windows = specification.TrainingWindows().Sum(windows => windows.WindowCount),
        Steps = specification.Steps,
        TokensPerStep = specification.TokensPerStep,
    };

    /// <summary>Why a submission cannot go on with a run; empty if it can.</summary>
    public static string[] ReasonsAgainst(RunRecord record, RunSpecification wanted)
    {
        var name = record.Specification.Run;
        if (record.IsAtRest && !record.CanResume)
        {
            return
            [
                $"Run {name} is {record.Status.Word()}; start another with --run NEW, "
                + $"or go on from its weights with --model run:{name}.",
            ];
        }

        return [.. SpecificationDifferences.Between(record.Specification, wanted)];
    }

    /// <summary>Tokens of the dataset itself: with a validation dataset of its own all are for training.</summary>
    private static long TokensOfDataset(DatasetReference dataset) =>
        dataset.TrainingTokenCount + (dataset.ValidationSha256 is null ? dataset.ValidationTokenCount : 0);
}

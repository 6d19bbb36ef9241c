using System.Text.Json;
using Gpt2Cluster.Contracts.Workers;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Grains.Workers;

namespace Gpt2Cluster.Grains.Runs;

/// <summary>Turns what workers report into events of the run machine.</summary>
internal static class RunReports
{
    /// <summary>A worker stands ready.</summary>
    public static RunEvent ToEvent(ReplicaReport report) => new ReplicaReady(
        report.Worker,
        report.Generation,
        report.Step,
        report.ProfileJson is { } json ? JsonSerializer.Deserialize<ComputeProfile>(json) : null)
    {
        Held = MicroBatchRanges.FromWire(report.Held),
    };

    /// <summary>A worker has done its part of a step.</summary>
    public static RunEvent ToEvent(StepReport report) => new StepReported
    {
        Worker = report.Worker,
        Generation = report.Generation,
        Step = report.Step,
        Losses = report.Losses,
        GradientNorm = report.GradientNorm,
        Applied = report.Applied,
        KeptCount = report.KeptCount,
        Compute = TimeSpan.FromSeconds(report.ComputeSeconds),
        ExposedExchange = TimeSpan.FromSeconds(report.ExposedExchangeSeconds),
        Update = report.UpdateSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
        SentBytes = report.SentBytes,
        OverlappedBytes = report.OverlappedBytes,
    };

    /// <summary>A worker has validated.</summary>
    public static RunEvent ToEvent(ValidationReport report) =>
        new ValidationReported(report.Worker, report.Generation, report.Step, report.LossSums);

    /// <summary>A worker has drawn samples.</summary>
    public static RunEvent ToEvent(SampleReport report) =>
        new SampleReported(report.Worker, report.Generation, report.Step, report.Texts);

    /// <summary>A worker has written a checkpoint, or could not.</summary>
    public static RunEvent ToEvent(CheckpointReport report) => report.Failure is { } failure
        ? new CheckpointFailed(report.Worker, report.Step, failure, report.IsBusy)
        : new CheckpointWritten(
            report.Worker,
            report.Step,
            report.StateHash!,
            report.Path!,
            TimeSpan.FromSeconds(report.Seconds),
            report.DataFolderId);

    /// <summary>A silo cannot reach another one's stripe port.</summary>
    public static RunEvent ToEvent(UnreachableReport report) => new SiloUnreachable(
        report.From,
        report.Silo,
        report.Generation,
        $"Silo {report.From} cannot reach the stripe port of silo {report.Silo} at {report.Host}:{report.Port} "
            + $"({report.Reason}); open it, or the run goes on without {report.Silo}.",
        report.IsGone);

    /// <summary>A worker cannot go on.</summary>
    public static RunEvent ToEvent(TroubleReport report) => report switch
    {
        { DamagedCheckpoint: { } step } => new CheckpointDamaged(step, report.Reason),
        { UnreachableCheckpoint: { } step } =>
            new CheckpointUnreachable(report.Worker, report.Generation, step, report.Reason),
        _ => new WorkerTroubled(
            report.Worker, report.Generation, report.Reason, report.IsFinal, report.HasNoMemory),
    };
}

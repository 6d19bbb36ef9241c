using System.Globalization;
using Gpt2Cluster.Core.Runs;

namespace Gpt2Cluster.Core.Tests.Runs;

/// <summary>Commands as the lines of a transcript.</summary>
internal static class CommandText
{
    public static string Of(RunCommand command) => command switch
    {
        PersistRecord persist => Of(persist.Record),
        PrepareReplica prepare => Of(prepare),
        ConfigureExchange c => $"configure exchange {c.Silo} g{c.Generation} over {string.Join(' ', c.Silos)}",
        PlanStep plan => Of(plan),
        Validate v => $"validate {v.Worker} g{v.Generation} step {v.Step}: {v.Range}",
        Sample s => $"sample {s.Worker} g{s.Generation} step {s.Step}: {s.Range}",
        WriteCheckpoint write => Of(write),
        CopyCheckpoint copy => $"copy step {copy.Step} from {copy.From} to {copy.Silo}",
        DeleteCheckpoints delete => $"delete all checkpoints but [{string.Join(' ', delete.Kept)}]",
        ReleaseWorkers release => $"release {string.Join(' ', release.Workers)}",
        Finish f => $"finish {f.Status} at step {f.Step} hash {f.StateHash ?? "-"}{Because(f.Reason)}",
        Publish publish => "publish " + Of(publish.Notice),
        _ => throw new InvalidOperationException(command.ToString()),
    };

    private static string Of(RunRecord record) =>
        $"persist {record.Status} g{record.Generation} step {record.CommittedStep}"
        + $" checkpoints [{string.Join(' ', record.Checkpoints.Select(Of))}]"
        + (record.Devices is { Class: not null } devices ? $" on {devices} in {record.Specification.Precision}" : "")
        + string.Concat(record.Holds.Select(hold => $" {hold.Step} held for {hold.Run}"))
        + (record.Asked is { } asked ? $" asked {asked}" : "") + Because(record.Remark);

    private static string Of(CheckpointEntry entry) =>
        string.Join('+', entry.Copies.Select(copy => $"{copy.Silo}").Prepend($"{entry.Step}"));

    private static string Of(PlanStep plan)
    {
        var ranges = string.Join('+', plan.Ranges);
        var silo = string.Join('+', plan.SiloRanges);
        var ofSilo = silo == ranges ? "" : $" of its silo's {silo}";
        return $"plan {plan.Worker} g{plan.Generation} step {plan.Step}: {ranges}{ofSilo} at {Of(plan.LearningRate)}";
    }

    private static string Of(PrepareReplica prepare)
    {
        var from = prepare.CopyFrom.Count == 0 ? "" : $" from {string.Join(' ', prepare.CopyFrom)}";
        return $"prepare {prepare.Worker} g{prepare.Generation} {prepare.Source} step {prepare.Step}{from}";
    }

    private static string Of(WriteCheckpoint write)
    {
        var best = write.IsBest ? " best" : "";
        return $"write {write.Worker} g{write.Generation} step {write.Step}{best}";
    }

    private static string Of(RunNotice notice) => notice switch
    {
        StepCommitted s => $"step {s.Step} loss {Of(s.Loss)} norm {Of(s.GradientNorm)} in {s.Duration.TotalSeconds} s"
            + $" by {s.WorkerCount} g{s.Generation} {s.ExchangedBytes} bytes",
        ValidationDone v => $"validation step {v.Step} loss {Of(v.Loss)}{(v.IsBest ? " best" : "")}",
        SampleDrawn s => $"sample step {s.Step} index {s.Index} {s.Text}",
        CheckpointPublished c => $"checkpoint step {c.Entry.Step} on {c.Entry.Silo} hash {c.Entry.StateHash}",
        MembershipChanged m => $"membership g{m.Generation} of {m.WorkerCount} at step {m.Step}: {m.Reason}",
        Warned warned => "warning " + warned.Message,
        _ => throw new InvalidOperationException(notice.ToString()),
    };

    private static string Because(string? reason) => reason is null ? "" : $" ({reason})";

    private static string Of(double value) => value.ToString("G6", CultureInfo.InvariantCulture);
}

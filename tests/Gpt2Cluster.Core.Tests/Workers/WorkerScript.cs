using System.Globalization;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Core.Tests.Specification;
using Gpt2Cluster.Core.Workers;

namespace Gpt2Cluster.Core.Tests.Workers;

/// <summary>
/// Plays what happens on worker a/0: <c>&gt;</c> lines are events, and what the protocol wants done is written below
/// each. Other lines are remarks.
/// </summary>
internal sealed class WorkerScript
{
    private readonly List<string> output = [];
    private readonly Queue<WorkerOrder> queue = new();
    private readonly WorkerProtocol protocol = new(
        "a/0", Specifications.Sound with { Optimizer = new OptimizerOptions(ClipNorm: 1) });

    private readonly List<WorkerOrder> saving = [];
    private ComputeEffect? work;

    public static string Play(string text)
    {
        var script = new WorkerScript();
        foreach (var line in text.Split('\n').Where(line => !line.StartsWith("  ", StringComparison.Ordinal)))
        {
            script.output.Add(line);
            if (line.StartsWith("> ", StringComparison.Ordinal))
                script.Hear(line[2..].Split(' '));
        }

        return string.Join('\n', script.output);
    }

    private void Hear(string[] words)
    {
        if (Answer(words) is { } answer)
            output.Add($"  {answer}");
        foreach (var effect in protocol.Effects)
        {
            output.Add($"  {Text(effect)}");
            if (effect is Enqueue(var order))
                queue.Enqueue(order);
            else if (effect is WriteSnapshot snapshot)
                saving.Add(snapshot.Order);
            else if (effect is ComputeEffect next)
                work = next;
        }

        protocol.Effects.Clear();
    }

    /// <summary>Tells the protocol what happened; what it answers, if that needs to be said.</summary>
    private string? Answer(string[] words)
    {
        switch (words)
        {
            case ["turn"]: // the compute thread comes to the order that waits longest
                protocol.OnTurn(queue.Dequeue());
                return null;
            case ["made", var step]: // the replica stands there
                protocol.OnMade((MakeReplica)work!, Number(step));
                return null;
            case ["profile"]:
                protocol.OnProfile((ShowProfile)work!, profile: null);
                return null;
            case ["computed", var count]: // so many micro-batches, whose losses are their numbers
                foreach (var leaf in Progress.Remaining.Take(Number(count)).ToList())
                    Progress.Add(leaf);
                return null;
            case ["averaged", var norm]:
                var update = protocol.OnAveraged(double.Parse(norm, CultureInfo.InvariantCulture));
                return string.Create(CultureInfo.InvariantCulture, $"{update.Kind} x {update.Scale:0.##}");
            case ["done"]:
                protocol.OnDone(work!.Order, Done(work));
                return null;
            case ["written"]: // the checkpoint that was begun first
                protocol.OnDone(Saved(out var step1), new CheckpointWritten("a/0", step1, "", "", TimeSpan.Zero));
                return null;
            case ["not-written", .. var reason]:
                protocol.OnDone(Saved(out var step2), new CheckpointFailed("a/0", step2, string.Join(' ', reason)));
                return null;
            case ["interrupted"]:
                protocol.OnInterrupted(work!.Order);
                return null;
            case ["failed", var kind, .. var reason]:
                protocol.OnFailed(
                    work!.Order, new WorkerFailure(string.Join(' ', reason), Enum.Parse<FailureKind>(kind, true), 4));
                return null;
            case ["end"]:
                protocol.End();
                return null;
            case ["release", var generation]:
                return protocol.MayRelease(Number(generation[1..])) ? null : "not for an older generation";
            default:
                return protocol.Take(new WorkerOrder(Command(words))) ? null : "not taken";
        }
    }

    private StepProgress Progress => ((ComputeStep)work!).Progress;

    private WorkerOrder Saved(out long step)
    {
        var order = saving[0];
        saving.RemoveAt(0);
        step = ((WriteCheckpoint)order.Command).Step;
        return order;
    }

    private static RunCommand Command(string[] words)
    {
        var (generation, step) = (Number(words[1][1..]), Number(words[2]));
        return words[0] switch
        {
            "prepare" => // prepare GENERATION STEP SOURCE
                new PrepareReplica("a/0", generation, Enum.Parse<ReplicaSource>(words[3], ignoreCase: true), step, []),
            "plan" => // plan GENERATION STEP FIRST..END...
                new PlanStep("a/0", generation, step, [.. words.Skip(3).Select(Range)], 0.01, [], IsAlone: false),
            "validate" => new Validate("a/0", generation, step, new LeafRange(0, 1)),
            "sample" => new Sample("a/0", generation, step, new LeafRange(0, 1)),
            "checkpoint" => new WriteCheckpoint("a/0", generation, step, ValidationLoss: null, IsBest: false),
            _ => throw new FormatException(string.Join(' ', words)),
        };
    }

    private static CoordinatorInput Done(ComputeEffect work) => work switch
    {
        ComputeStep step => step.Progress.Report(norm: 1, applied: true),
        SumLosses(var order, var validation) =>
            new ValidationReported("a/0", order.Generation, validation.Step, [7]),
        DrawSamples(var order, var sampling) => new SampleReported("a/0", order.Generation, sampling.Step, ["text"]),
        _ => throw new FormatException(work.ToString()),
    };

    private static string Text(WorkerEffect effect) => effect switch
    {
        Enqueue(var order) => $"queue it: {order.Phase}",
        Interrupt => "interrupt what is in the queue",
        FetchWindows(var plan) => $"fetch the windows of {Ranges(plan.Ranges)}",
        Report(var report) => $"report {Text(report)}",
        Refuse(_, var reason) => $"refuse: {reason}",
        Free => "free the replica behind what is in the queue",
        MakeReplica(_, var made) => $"make the replica: {made.Source}, step {made.Step}",
        ShowProfile => "show the profile",
        ComputeStep(_, var progress, _) => progress.GoesOn
            ? $"go on with {Ranges(progress.Plan.Ranges)} of step {progress.Plan.Step} after {progress.KeptCount}"
            : $"compute {Ranges(progress.Plan.Ranges)} of step {progress.Plan.Step}",
        SumLosses(_, var order) => $"validate after step {order.Step}",
        DrawSamples(_, var order) => $"sample after step {order.Step}",
        WriteSnapshot(_, var order) => $"snapshot and write step {order.Step}",
        _ => throw new FormatException(effect.ToString()),
    };

    private static string Text(CoordinatorInput report) => report switch
    {
        ReplicaReady ready => $"g{ready.Generation}: "
            + (ready.Step is { } step ? $"ready at step {step}" : "no replica")
            + (ready.Held.Count > 0 ? $", holding {Ranges(ready.Held)}" : ""),
        StepReported done => $"g{done.Generation}: step {done.Step}, losses {string.Join(' ', done.Losses)}, "
            + $"{done.KeptCount} kept",
        ValidationReported done => $"g{done.Generation}: validated after step {done.Step}",
        SampleReported done => $"g{done.Generation}: sampled after step {done.Step}",
        CheckpointWritten written => $"checkpoint of step {written.Step} written",
        CheckpointFailed failed => $"checkpoint of step {failed.Step} failed: {failed.Reason}",
        CheckpointDamaged damaged => $"checkpoint of step {damaged.Step} is damaged: {damaged.Reason}",
        CheckpointUnreachable away => $"g{away.Generation}: checkpoint of step {away.Step} is away: {away.Reason}",
        WorkerTroubled trouble => $"g{trouble.Generation}: trouble"
            + $"{(trouble.IsFinal ? " of every worker" : "")}{(trouble.HasNoMemory ? " with memory" : "")}: "
            + trouble.Reason,
        _ => throw new FormatException(report.ToString()),
    };

    private static string Ranges(IEnumerable<LeafRange> ranges) => string.Join(' ', ranges);

    private static LeafRange Range(string text) => new(Number(text.Split("..")[0]), Number(text.Split("..")[1]));

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}

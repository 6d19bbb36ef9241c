using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.Faults.Training;

/// <summary>The undisturbed run: one worker, no fault.</summary>
/// <param name="Plan">What it trained.</param>
/// <param name="Model">The model's folder.</param>
/// <param name="Hashes">State hash by step.</param>
internal sealed record Reference(RunPlan Plan, string Model, IReadOnlyDictionary<long, string> Hashes)
{
    private static readonly TimeSpan SecondsPerStep = TimeSpan.FromSeconds(2);

    /// <summary>Trains it in a folder.</summary>
    /// <exception cref="InvalidOperationException">It did not come to its end.</exception>
    public static Reference Train(RunPlan plan, string folder)
    {
        var model = SmallModel.Write(Path.Combine(folder, "model"));
        var words = plan.Words("undisturbed", model).Append("--silos").Append("1");
        using var run = WatchedRun.Start("undisturbed", words, Path.Combine(folder, "data"));
        run.WaitUntil(watched => watched.IsOver, plan.Steps * SecondsPerStep);
        if (run.Fault is { } fault || !run.Hashes.ContainsKey(plan.Steps))
            throw new InvalidOperationException($"The undisturbed run did not come to its end: {run.Fault}");
        return new Reference(plan, model, run.Hashes);
    }

    /// <summary>Names the first checkpoint of a run that is not the undisturbed run's; null if all are.</summary>
    public string? Difference(WatchedRun run) => run.Hashes
        .OrderBy(each => each.Key)
        .Where(each => Hashes.TryGetValue(each.Key, out var expected) && expected != each.Value)
        .Select(each => $"step {each.Key} of run {run.Name} has {each.Value}, not {Hashes[each.Key]}")
        .FirstOrDefault();
}

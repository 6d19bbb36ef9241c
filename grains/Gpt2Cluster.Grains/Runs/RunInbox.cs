using System.Diagnostics.CodeAnalysis;
using Gpt2Cluster.Core.Runs;

namespace Gpt2Cluster.Grains.Runs;

/// <summary>What a coordinator has heard and not decided on yet, in the order of arrival.</summary>
/// <param name="run">The run's name.</param>
internal sealed class RunInbox(string run)
{
    private readonly Queue<(CoordinatorInput Event, TaskCompletionSource? Done)> waiting = new();
    private TaskCompletionSource? taken;

    /// <summary>Whether nothing is heard any more: another coordinator acts, or is to.</summary>
    public bool IsClosed { get; private set; }

    /// <summary>Whether nothing waits.</summary>
    public bool IsEmpty => waiting.Count == 0;

    /// <summary>Takes what a worker says or what has happened; it is said again to the next coordinator.</summary>
    public void Put(CoordinatorInput heard)
    {
        if (!IsClosed)
            waiting.Enqueue((heard, null));
    }

    /// <summary>Takes what people ask for; completes when it is stored, so that no fault loses it.</summary>
    /// <exception cref="OrleansException">This coordinator acts no more: the next one is to be asked.</exception>
    public Task Ask(CoordinatorInput request)
    {
        if (IsClosed)
            throw Replaced();
        var done = new TaskCompletionSource();
        waiting.Enqueue((request, done));
        return done.Task;
    }

    /// <summary>Takes the next one out.</summary>
    public bool TryTake([NotNullWhen(true)] out CoordinatorInput? next)
    {
        var isThere = waiting.TryDequeue(out var first);
        (next, taken) = first;
        return isThere;
    }

    /// <summary>What was taken out last has been decided on and stored.</summary>
    public void Complete() => taken?.TrySetResult();

    /// <summary>Hears no more.</summary>
    public void Close()
    {
        IsClosed = true;
        foreach (var done in waiting.Select(each => each.Done).Append(taken))
            done?.TrySetException(Replaced());
        waiting.Clear();
    }

    // Callers take this very type for a passing outage, and ask again.
    private OrleansException Replaced() => new($"The coordinator of run {run} has just been replaced.");
}

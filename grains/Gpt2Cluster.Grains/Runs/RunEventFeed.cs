using Gpt2Cluster.Contracts.Runs;
using Gpt2Cluster.Contracts.Runs.Events;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Retries;
using Orleans.Storage;

namespace Gpt2Cluster.Grains.Runs;

/// <summary>
/// A run's events on their way to those who watch. An event is stored before anybody sees it, so a number never names
/// two events; what is published while the store is busy goes out together.
/// </summary>
internal sealed class RunEventFeed(IRunEventStore store, RunName run, RetryPolicy writes)
{
    /// <summary>How many events one answer holds at most.</summary>
    public const int MaximumAnswer = 1000;

    /// <summary>How many samples the store keeps of a run.</summary>
    public const int SamplesKept = 1000;

    private readonly List<string> waiting = [];
    private TaskCompletionSource stored = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task storing = Task.CompletedTask;

    /// <summary>The number of the last stored event.</summary>
    public long LastSequence { get; private set; }

    /// <summary>The events that are published and not stored for certain, as lines.</summary>
    public IReadOnlyList<string> Waiting => waiting;

    /// <summary>An event as it is stored.</summary>
    public static string LineOf(RunEvent runEvent) => RunEventJson.Write(runEvent);

    /// <summary>Reads where the run's events end, and appends what is missing there.</summary>
    /// <param name="count">The list held that many events for certain ...</param>
    /// <param name="outbox">... and these were to follow.</param>
    public async Task Open(long count, IReadOnlyList<string> outbox)
    {
        LastSequence = await store.LastSequence(run);
        if (outbox.Count == 0)
            return;
        List<string> missing = [.. outbox];
        foreach (var there in await store.Read(run, count, MaximumAnswer))
            missing.Remove(there.Json);
        waiting.AddRange(missing);
        await Flush();
    }

    /// <summary>Removes the run's events and samples from the store. May be repeated.</summary>
    public async Task Clear()
    {
        await writes.Run(_ => store.Delete(run));
        LastSequence = 0;
    }

    /// <summary>
    /// Publishes an event; it is stored as soon as the store is free. Called within the coordinator's turns.
    /// </summary>
    public void Publish(RunEvent runEvent)
    {
        waiting.Add(LineOf(runEvent));
        if (storing.IsCompleted)
            (storing = StoreWaiting()).Ignore();
    }

    /// <summary>Waits until everything published so far is stored; fails if the store does not take it.</summary>
    public async Task Flush()
    {
        while (waiting.Count > 0)
        {
            if (storing.IsCompleted)
                storing = StoreWaiting();
            await storing;
        }
    }

    /// <summary>The events after a number; waits for the first one until <paramref name="wait"/> is over.</summary>
    public async Task<RunEventLine[]> After(long sequence, TimeSpan wait, TimeProvider time)
    {
        if (sequence >= LastSequence)
        {
            var news = stored.Task;
            await Task.WhenAny(news, Task.Delay(wait, time));
        }

        return sequence >= LastSequence ? [] : [.. await store.Read(run, sequence, MaximumAnswer)];
    }

    private async Task StoreWaiting()
    {
        while (waiting.Count > 0)
        {
            var (lines, isFound) = (Array.Empty<string>(), false);
            await writes.Run(async _ => (lines, isFound) = await Append());
            Announce();
            var samples = lines.Select(SampleOf).OfType<SampleEvent>().ToArray();
            if (samples.Length > 0)
                await writes.Run(made => AppendSamples(samples, made > 0 || isFound));
        }
    }

    /// <summary>
    /// Appends what waits, or finds that the list has grown: by an attempt whose answer was lost, or by another
    /// coordinator that had it from the outbox. What is there does not wait any more, so nothing gets two numbers.
    /// </summary>
    private async Task<(string[] Stored, bool IsFound)> Append()
    {
        var batch = waiting.ToArray();
        if (await store.Append(run, batch, LastSequence) is { } last)
        {
            LastSequence = last;
            waiting.RemoveRange(0, batch.Length);
            return (batch, false);
        }

        var others = await store.Read(run, LastSequence, MaximumAnswer);
        if (others.Count == 0)
            throw new InconsistentStateException($"The events of run {run} end before number {LastSequence}.");
        LastSequence += others.Count;
        return ([.. others.Select(there => there.Json).Where(waiting.Remove)], true);
    }

    private async Task AppendSamples(SampleEvent[] samples, bool isRepeat)
    {
        var isThere = isRepeat
            && (await store.Samples(run, samples.Length)).SequenceEqual(samples.Select(sample => LineOf(sample)));
        if (!isThere)
            await store.AppendSamples(run, samples, SamplesKept);
    }

    private void Announce()
    {
        var announced = stored;
        stored = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        announced.SetResult();
    }

    private static SampleEvent? SampleOf(string line) =>
        RunEventJson.TryRead(line, out var runEvent) ? runEvent as SampleEvent : null;
}

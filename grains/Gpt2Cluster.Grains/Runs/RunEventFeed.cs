using Gpt2Cluster.Contracts.Runs;
using Gpt2Cluster.Contracts.Runs.Events;
using Orleans.Storage;

namespace Gpt2Cluster.Grains.Runs;

/// <summary>
/// A run's events on their way to those who watch. An event is stored before anybody sees it, so a number never names
/// two events; what is published while the store is busy goes out together.
/// </summary>
internal sealed class RunEventFeed(IRunEventStore store, string run, StorePatience patience)
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
            var batch = waiting.ToArray();
            List<string> missing = [.. batch];
            await patience.Do(_ => Append(missing));
            waiting.RemoveRange(0, batch.Length);
            Announce();
            var samples = batch.Select(SampleOf).OfType<SampleEvent>().ToArray();
            if (samples.Length > 0)
                await patience.Do(isRepeat => AppendSamples(samples, isRepeat));
        }
    }

    /// <summary>
    /// Appends what is not there yet: an attempt whose answer was lost may have stored it, or another coordinator that
    /// found it in the outbox. Nothing gets two numbers.
    /// </summary>
    private async Task Append(List<string> missing)
    {
        while (missing.Count > 0)
        {
            if (await store.Append(run, missing, LastSequence) is { } last)
            {
                LastSequence = last;
                return;
            }

            var others = await store.Read(run, LastSequence, MaximumAnswer);
            if (others.Count == 0)
                throw new InconsistentStateException($"The events of run {run} end before number {LastSequence}.");
            LastSequence += others.Count;
            foreach (var there in others)
                missing.Remove(there.Json);
        }
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

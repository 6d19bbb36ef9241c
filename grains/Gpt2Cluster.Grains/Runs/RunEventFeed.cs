using Gpt2Cluster.Contracts.Runs;
using Gpt2Cluster.Contracts.Runs.Events;

namespace Gpt2Cluster.Grains.Runs;

/// <summary>
/// A run's events on their way to those who watch. An event is stored before anybody sees it, so a number never names
/// two
/// events; what is published while the store is busy goes out together.
/// </summary>
internal sealed class RunEventFeed(IRunEventStore store, string run)
{
    /// <summary>How many events one answer holds at most.</summary>
    public const int MaximumAnswer = 1000;

    /// <summary>How many samples the store keeps of a run.</summary>
    public const int SamplesKept = 1000;

    private readonly List<RunEvent> waiting = [];
    private TaskCompletionSource stored = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool isStoring;

    /// <summary>The number of the last stored event.</summary>
    public long LastSequence { get; private set; }

    /// <summary>Reads where the run's events end.</summary>
    public async Task Open() => LastSequence = await store.LastSequence(run);

    /// <summary>
    /// Publishes an event; it is stored as soon as the store is free. Called within the coordinator's turns.
    /// </summary>
    public void Publish(RunEvent runEvent)
    {
        waiting.Add(runEvent);
        if (!isStoring)
            StoreWaiting().Ignore();
    }

    /// <summary>Waits until everything published so far is stored.</summary>
    public async Task Flush()
    {
        while (isStoring || waiting.Count > 0)
        {
            if (!isStoring)
                await StoreWaiting();
            else
                await stored.Task;
        }
    }

    /// <summary>The events after a number; waits for the first one until <paramref name="patience"/> is over.</summary>
    public async Task<RunEventLine[]> After(long sequence, TimeSpan patience, TimeProvider time)
    {
        if (sequence >= LastSequence)
        {
            var news = stored.Task;
            await Task.WhenAny(news, Task.Delay(patience, time));
        }

        return sequence >= LastSequence ? [] : [.. await store.Read(run, sequence, MaximumAnswer)];
    }

    private async Task StoreWaiting()
    {
        isStoring = true;
        try
        {
            while (waiting.Count > 0)
            {
                var batch = waiting.ToList();
                LastSequence = await store.Append(run, [.. batch.Select(RunEventJson.Write)]);
                waiting.RemoveRange(0, batch.Count);
                if (batch.OfType<SampleEvent>().ToList() is { Count: > 0 } samples)
                    await store.AppendSamples(run, samples, SamplesKept);
                Announce();
            }
        }
        finally
        {
            isStoring = false;
        }
    }

    private void Announce()
    {
        var announced = stored;
        stored = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        announced.SetResult();
    }
}

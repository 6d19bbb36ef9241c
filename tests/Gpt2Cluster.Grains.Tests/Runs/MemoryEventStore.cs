using Gpt2Cluster.Contracts.Runs;
using Gpt2Cluster.Contracts.Runs.Events;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Grains.Runs;

namespace Gpt2Cluster.Grains.Tests.Runs;

/// <summary>Events in memory, behind a gate; answers of it can be lost.</summary>
internal sealed class MemoryEventStore : IRunEventStore
{
    private readonly List<string> events = [];
    private readonly List<string> samples = [];

    public TaskCompletionSource? Gate { get; set; }

    /// <summary>Whether every write fails.</summary>
    public bool IsAway { get; set; }

    /// <summary>How many of the next answers are lost.</summary>
    public int LostAnswers { get; set; }

    /// <summary>Whether what is not answered is stored nevertheless.</summary>
    public bool StoresUnanswered { get; set; }

    public async Task<long?> Append(RunName run, IReadOnlyList<string> lines, long after)
    {
        if (Gate is { } gate)
            await gate.Task;
        if (after != events.Count)
            return null;
        Store(() => events.AddRange(lines));
        return events.Count;
    }

    public Task<IReadOnlyList<RunEventLine>> Read(RunName run, long sequence, int count) =>
        Task.FromResult<IReadOnlyList<RunEventLine>>(
        [
            .. events.Skip((int)sequence).Take(count)
                .Select((line, index) => new RunEventLine(sequence + index + 1, line)),
        ]);

    public Task<long> LastSequence(RunName run) => Task.FromResult((long)events.Count);

    public Task AppendSamples(RunName run, IReadOnlyList<SampleEvent> added, int keep)
    {
        Store(() => samples.AddRange(added.Select(sample => RunEventJson.Write(sample))));
        return Task.CompletedTask;
    }

    public Task<IReadOnlyList<string>> Samples(RunName run, int last) =>
        Task.FromResult<IReadOnlyList<string>>([.. samples.TakeLast(last)]);

    public Task Delete(RunName run)
    {
        Store(() =>
        {
            events.Clear();
            samples.Clear();
        });
        return Task.CompletedTask;
    }

    private void Store(Action write)
    {
        var isLost = IsAway || LostAnswers > 0;
        if (!isLost || (StoresUnanswered && !IsAway))
            write();
        LostAnswers -= LostAnswers > 0 ? 1 : 0;
        if (isLost)
            throw new TimeoutException("The store does not answer.");
    }
}

using Gpt2Cluster.Contracts.Runs;
using Gpt2Cluster.Contracts.Runs.Events;
using Gpt2Cluster.Core.Names;

namespace Gpt2Cluster.Grains.Runs;

/// <summary>
/// The events of runs, beside their records in the store. Sequence numbers begin at 1 and have no gaps, so the length
/// of a run's list is the number of its last event.
/// </summary>
public interface IRunEventStore
{
    /// <summary>
    /// Appends events behind a known end of the list. When the task ends, they are stored: all of them, or none where
    /// the list ends elsewhere by now. Two coordinators may both believe for a moment that they are the one.
    /// </summary>
    /// <param name="run">The run's name.</param>
    /// <param name="lines">JSON objects, one event each.</param>
    /// <param name="after">The sequence number of the last event there is.</param>
    /// <returns>The sequence number of the last one appended; null if the list ends elsewhere.</returns>
    Task<long?> Append(RunName run, IReadOnlyList<string> lines, long after);

    /// <summary>The events after a sequence number, oldest first.</summary>
    /// <param name="run">The run's name.</param>
    /// <param name="sequence">0 for all from the first on.</param>
    /// <param name="count">At most so many.</param>
    Task<IReadOnlyList<RunEventLine>> Read(RunName run, long sequence, int count);

    /// <summary>The sequence number of the last event; 0 if there is none.</summary>
    Task<long> LastSequence(RunName run);

    /// <summary>Appends samples to the run's list of samples and keeps the newest.</summary>
    /// <param name="run">The run's name.</param>
    /// <param name="samples">The samples, oldest first.</param>
    /// <param name="keep">How many the list holds at most.</param>
    Task AppendSamples(RunName run, IReadOnlyList<SampleEvent> samples, int keep);

    /// <summary>The newest samples, newest last, as lines of JSON.</summary>
    Task<IReadOnlyList<string>> Samples(RunName run, int last);

    /// <summary>Removes a run's events and samples. May be repeated.</summary>
    Task Delete(RunName run);
}

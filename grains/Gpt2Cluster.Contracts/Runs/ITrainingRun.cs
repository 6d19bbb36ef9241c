using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Orleans.Concurrency;

namespace Gpt2Cluster.Contracts.Runs;

/// <summary>A wish to train, complete: what is not in here is not known to the run.</summary>
[GenerateSerializer, Immutable, Alias("gpt2.submission.v1")]
public sealed record Submission
{
    /// <summary>The run's specification.</summary>
    [Id(0)]
    public required RunSpecification Specification { get; init; }

    /// <summary>Pause when this step is committed; null for never.</summary>
    [Id(1)]
    public long? PauseAt { get; init; }
}

/// <summary>What became of a submission.</summary>
public enum SubmissionOutcome
{
    /// <summary>The run is new.</summary>
    Created,

    /// <summary>An unfinished run of that name goes on.</summary>
    Resumed,

    /// <summary>It is running already; the caller may watch it.</summary>
    AlreadyRunning,

    /// <summary>Bad input; the reasons say what.</summary>
    Refused,
}

/// <summary>The answer to a submission.</summary>
[GenerateSerializer, Immutable, Alias("gpt2.submission-answer.v1")]
public sealed record SubmissionAnswer
{
    /// <summary>What became of it.</summary>
    [Id(0)]
    public required SubmissionOutcome Outcome { get; init; }

    /// <summary>One sentence for each reason of a refusal.</summary>
    [Id(1)]
    public string[] Reasons { get; init; } = [];

    /// <summary>Sequence number of the last event before this submission: watch from here.</summary>
    [Id(2)]
    public long EventsBefore { get; init; }
}

/// <summary>One event of a run, as the JSON object the command line prints.</summary>
/// <param name="Sequence">1 and up, without gaps; an event is shown once.</param>
/// <param name="Json">One line of JSON with the fields of the command line's contract.</param>
[GenerateSerializer, Immutable, Alias("gpt2.run-event.v1")]
public sealed record RunEventLine([property: Id(0)] long Sequence, [property: Id(1)] string Json);

/// <summary>One run in full, for <c>show</c>.</summary>
[GenerateSerializer, Immutable, Alias("gpt2.run-description.v1")]
public sealed record RunDescription
{
    /// <summary>The run as the list shows it.</summary>
    [Id(0)]
    public required Cluster.RunSummary Summary { get; init; }

    /// <summary>Its record; what it says of an end, a failure or a wait is stored for certain.</summary>
    [Id(1)]
    public required RunRecord Record { get; init; }

    /// <summary>Keys of the workers that serve it.</summary>
    [Id(2)]
    public required string[] Workers { get; init; }

    /// <summary>Sequence number of the newest event.</summary>
    [Id(3)]
    public long LastSequence { get; init; }
}

/// <summary>What became of the wish to delete a run.</summary>
public enum DeletionOutcome
{
    /// <summary>There is no run of that name.</summary>
    IsNotThere,

    /// <summary>It is not at rest, or is needed; the reason says by whom.</summary>
    Refused,

    /// <summary>It is gone.</summary>
    Deleted,
}

/// <summary>The answer to the wish to delete a run.</summary>
[GenerateSerializer, Immutable, Alias("gpt2.deletion-answer.v1")]
public sealed record DeletionAnswer
{
    /// <summary>What became of it.</summary>
    [Id(0)]
    public required DeletionOutcome Outcome { get; init; }

    /// <summary>Why it was refused, in one sentence; null if it was not.</summary>
    [Id(1)]
    public string? Reason { get; init; }

    /// <summary>Bytes of checkpoints that were removed from the disks so far.</summary>
    [Id(2)]
    public long Bytes { get; init; }

    /// <summary>
    /// Silos that are away and hold checkpoints of the run, or may: they remove them when they are back.
    /// </summary>
    [Id(3)]
    public string[] Away { get; init; } = [];
}

/// <summary>The coordinator: the grain that owns one run. The key is the run's name.</summary>
[Alias("gpt2.training-run")]
public interface ITrainingRun : IGrainWithStringKey
{
    /// <summary>Creates the run, or goes on with an unfinished one of the same specification.</summary>
    [Alias("submit")]
    Task<SubmissionAnswer> Submit(Submission submission);

    /// <summary>The run in full; null if there is none of that name.</summary>
    [Alias("describe")]
    [AlwaysInterleave]
    Task<RunDescription?> Describe();

    /// <summary>
    /// The events after a sequence number, at most 1,000; waits up to 2 s for the first one. Nobody tells a client that
    /// the coordinator it waits for has died, so the wait and the bound on the answer are short.
    /// </summary>
    [ResponseTimeout("00:00:04")]
    [Alias("events-after")]
    [AlwaysInterleave]
    Task<RunEventLine[]> EventsAfter(long sequence);

    /// <summary>
    /// The last samples, newest last, as the JSON of their <c>sample</c> events; at most 1,000 are kept.
    /// </summary>
    [Alias("samples")]
    [AlwaysInterleave]
    Task<string[]> Samples(int last);

    /// <summary>
    /// Another run's frozen parameters come from a checkpoint of this one: it does not expire from now on. The same
    /// call may be repeated.
    /// </summary>
    /// <param name="step">The checkpoint's step.</param>
    /// <param name="stateHash">The checkpoint's state hash, lower-case hexadecimal.</param>
    /// <param name="run">The name of the other run.</param>
    /// <returns>False if there is no such run, or it has no such checkpoint (any more).</returns>
    [Alias("hold")]
    [AlwaysInterleave]
    Task<bool> Hold(long step, string stateHash, string run);

    /// <summary>Another run does not stand on a checkpoint of this one any more. May be repeated.</summary>
    /// <param name="step">The checkpoint's step.</param>
    /// <param name="run">The name of the other run.</param>
    [Alias("release-hold")]
    [AlwaysInterleave]
    Task ReleaseHold(long step, string run);

    /// <summary>
    /// The run in full, once what is being done with it (its submission, say) is done; null if there is none.
    /// </summary>
    [Alias("settled")]
    Task<RunDescription?> Settled();

    /// <summary>
    /// Removes a run that rests: its record, events and samples, and its checkpoints on every disk. Its name is free
    /// afterwards. May be repeated.
    /// </summary>
    /// <param name="life">
    /// The life of the name that is meant (<c>RunSummary.Life</c>): another run that has got the name since stays. Null
    /// for a run of before lives had names.
    /// </param>
    [Alias("delete")]
    Task<DeletionAnswer> Delete(string? life);

    /// <summary>
    /// Pauses at the next step boundary, with a checkpoint. False if there is no such run or it is over.
    /// </summary>
    [Alias("pause")]
    Task<bool> Pause();

    /// <summary>Goes on with a paused run. False if there is no such run or it is over.</summary>
    [Alias("resume")]
    Task<bool> Resume();

    /// <summary>
    /// Ends the run at the next step boundary, with a checkpoint. False if there is no such run or it is over.
    /// </summary>
    [Alias("cancel")]
    Task<bool> Cancel();

    /// <summary>
    /// A worker has done what it was told, or could not; or a silo of the run cannot reach the stripe port of another,
    /// which is repeated while it lasts.
    /// </summary>
    [Alias("report")]
    Task Report(CoordinatorInput report);

    /// <summary>A worker that serves the run and has heard nothing for 2 s asks whether anybody is there.</summary>
    [Alias("ping")]
    Task Ping(string worker, int generation);

    /// <summary>The cluster's list of workers for this run may have changed.</summary>
    [Alias("workers-changed")]
    [OneWay]
    Task WorkersChanged();
}

namespace Gpt2Cluster.Core.Retries;

/// <summary>What is repeated, how long, and what is said of it.</summary>
public sealed record RetryOptions
{
    /// <summary>The operation's name, as the metric's label shows it: lower case, with hyphens.</summary>
    public required string Operation { get; init; }

    /// <summary>Whether an exception may pass; all others end the operation at once.</summary>
    public required Func<Exception, bool> IsTransient { get; init; }

    /// <summary>
    /// An attempt that fails when this long has passed since the first one began is the last; without a bound by
    /// default.
    /// </summary>
    public TimeSpan Bound { get; init; } = TimeSpan.MaxValue;

    /// <summary>The attempt of this number is the last, 2 or more; without a bound by default.</summary>
    public int MaximumAttempts { get; init; } = int.MaxValue;

    /// <summary>The pause before the second attempt.</summary>
    public TimeSpan Pause { get; init; } = TimeSpan.Zero;

    /// <summary>Pauses double up to this one; by default all are the same.</summary>
    public TimeSpan LongestPause { get; init; } = TimeSpan.Zero;

    /// <summary>Told of every failure that is followed by another attempt, before the pause.</summary>
    public Action<FailedAttempt> OnRetry { get; init; } = _ => { };

    /// <summary>
    /// Whether attempts are made where the first one was, as in a grain's turns; otherwise on any thread.
    /// </summary>
    public bool StaysInContext { get; init; } = true;
}

/// <summary>A failure that is followed by another attempt.</summary>
/// <param name="Problem">Why it failed.</param>
/// <param name="Elapsed">Since the first attempt began.</param>
/// <param name="Pause">Until the next attempt.</param>
public readonly record struct FailedAttempt(Exception Problem, TimeSpan Elapsed, TimeSpan Pause);

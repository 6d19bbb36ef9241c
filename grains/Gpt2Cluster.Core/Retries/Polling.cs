namespace Gpt2Cluster.Core.Retries;

/// <summary>The one way to wait for what has to be asked for: nothing fails, it is only not done yet.</summary>
public static class Polling
{
    /// <summary>Asks until the answer is the last; whoever answers takes its time, so there is no pause.</summary>
    /// <param name="ask">One question.</param>
    /// <param name="isDone">Whether its answer is the last.</param>
    /// <param name="cancellation">Ends the asking, between two questions.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static async Task<T> UntilDone<T>(
        Func<Task<T>> ask, Func<T, bool> isDone, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(ask);
        ArgumentNullException.ThrowIfNull(isDone);
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            var answer = await ask();
            if (isDone(answer))
                return answer;
        }
    }

    /// <summary>Asks with pauses until the answer is the last, or the time is over.</summary>
    /// <param name="ask">One question.</param>
    /// <param name="isDone">Whether its answer is the last.</param>
    /// <param name="pause">Between two questions.</param>
    /// <param name="bound">What comes when this long has passed since the first question is the last answer.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellation">Ends the asking, between two questions.</param>
    /// <returns>The last answer, done or not.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static async Task<T> UntilDone<T>(
        Func<Task<T>> ask,
        Func<T, bool> isDone,
        TimeSpan pause,
        TimeSpan bound,
        TimeProvider time,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(ask);
        ArgumentNullException.ThrowIfNull(isDone);
        ArgumentNullException.ThrowIfNull(time);
        var began = time.GetTimestamp();
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            var answer = await ask();
            if (isDone(answer) || time.GetElapsedTime(began) >= bound)
                return answer;
            await Task.Delay(pause, time, cancellation);
        }
    }

    /// <summary>Looks with pauses until something is so, or the time is over.</summary>
    /// <returns>Whether it is so.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static Task<bool> UntilTrue(
        Func<bool> look,
        TimeSpan pause,
        TimeSpan bound,
        TimeProvider time,
        CancellationToken cancellation = default) =>
        UntilDone(() => Task.FromResult(look()), isSo => isSo, pause, bound, time, cancellation);
}

using Gpt2Cluster.Contracts;
using Gpt2Cluster.Core.Retries;

namespace Gpt2Cluster.Grains.Placement;

/// <summary>
/// Operations that go on behind long polls, one of each name at a time. Used in the turns of one grain that is
/// reentrant.
/// </summary>
/// <typeparam name="T">What an operation comes to.</typeparam>
internal sealed class PendingOperations<T>(TimeProvider time)
{
    private readonly Dictionary<string, Task<T>> underWay = new(StringComparer.Ordinal);

    /// <summary>
    /// Begins the operation unless it is under way, and waits a little. What it comes to is for those who wait then:
    /// asked for once more, it begins anew.
    /// </summary>
    /// <param name="name">Which operation.</param>
    /// <param name="begin">Begins it.</param>
    /// <param name="isUnderWay">The answer while it goes on.</param>
    public async Task<T> Ask(string name, Func<Task<T>> begin, T isUnderWay)
    {
        if (!underWay.TryGetValue(name, out var operation) && !(operation = begin()).IsCompleted)
        {
            underWay.Add(name, operation);
            ForgetWhenDone(name, operation).Ignore();
        }

        if (!operation.IsCompleted)
            await Task.WhenAny(operation, Task.Delay(LongPoll.Wait, time));
        return operation.IsCompleted ? await operation : isUnderWay;
    }

    private async Task ForgetWhenDone(string name, Task<T> operation)
    {
        await Task.WhenAny(operation);
        underWay.Remove(name);
        operation.Ignore();
    }
}

/// <summary>The callers' side of <see cref="PendingOperations{T}"/>.</summary>
internal static class PendingOperations
{
    /// <summary>So many answers in a row that do not come are as if the silo were gone.</summary>
    private const int LostAtMost = 3;

    private static readonly RetryPolicy LostAnswers = new(new()
    {
        Operation = "long-poll",
        IsTransient = problem => problem is TimeoutException or StoreUnavailableException,
        MaximumAttempts = LostAtMost,
    });

    /// <summary>Asks until the operation is done; an answer that is lost is asked for again.</summary>
    /// <param name="ask">One long poll.</param>
    /// <param name="isDone">Whether its answer is the last.</param>
    /// <param name="cancellation">Ends the asking, between two calls.</param>
    /// <exception cref="TimeoutException">Nobody answers.</exception>
    /// <exception cref="OrleansException">The silo is gone.</exception>
    public static Task<T> Await<T>(
        Func<Task<T>> ask, Func<T, bool> isDone, CancellationToken cancellation = default) =>
        Polling.UntilDone(() => LostAnswers.Run(_ => ask(), cancellation), isDone, cancellation);
}

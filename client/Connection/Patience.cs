using Gpt2Cluster.Contracts;
using Orleans.Runtime.Messaging;
using Orleans.Storage;
using StackExchange.Redis;

namespace Gpt2Cluster.Client.Connection;

/// <summary>
/// Repeats calls while silos die and come back. Every call made through it must be harmless to repeat. The bound is on
/// the time since the last success, so a watch of hours survives any number of short outages.
/// </summary>
/// <param name="time">The clock.</param>
/// <param name="isOver">Whether it is known that the cluster does not come back.</param>
internal sealed class Patience(TimeProvider time, Func<bool>? isOver = null)
{
    /// <summary>An outage longer than this ends the command.</summary>
    public static readonly TimeSpan OutageBound = TimeSpan.FromSeconds(60);

    /// <summary>People are told of an outage that lasts this long; long polls take 5 s.</summary>
    public static readonly TimeSpan NoticeAfter = TimeSpan.FromSeconds(6);

    /// <summary>Between two attempts.</summary>
    private static readonly TimeSpan Gap = TimeSpan.FromMilliseconds(500);

    /// <summary>Tells people that an outage is waited for, and that it is over.</summary>
    public Action<string> Say { get; set; } = _ => { };

    /// <summary>Calls until one succeeds.</summary>
    /// <exception cref="ClientException">The cluster was out of reach for <see cref="OutageBound"/>.</exception>
    public async Task<T> Call<T>(Func<Task<T>> call, CancellationToken cancellation)
    {
        var began = time.GetTimestamp();
        using var done = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var notice = SayThatItLasts(done.Token);
        try
        {
            var answer = await Repeat(call, began, cancellation);
            if (notice.IsCompletedSuccessfully && await notice)
                Say("the cluster answers again");
            return answer;
        }
        finally
        {
            await done.CancelAsync();
        }
    }

    /// <returns>Whether it was said; false once it is cancelled.</returns>
    private async Task<bool> SayThatItLasts(CancellationToken done)
    {
        try
        {
            await Task.Delay(NoticeAfter, time, done);
        }
        catch (OperationCanceledException)
        {
            return false;
        }

        Say("the cluster does not answer: its silos or its store are away; it is waited for, "
            + $"up to {OutageBound.TotalSeconds:0} s");
        return true;
    }

    private async Task<T> Repeat<T>(Func<Task<T>> call, long began, CancellationToken cancellation)
    {
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                return await call().WaitAsync(cancellation);
            }
            catch (Exception problem) when (IsOutage(problem))
            {
                cancellation.ThrowIfCancellationRequested();
                if (isOver?.Invoke() == true)
                    throw new ClientException(ExitCodes.Unreachable, "The local cluster was stopped.", problem);
                if (time.GetElapsedTime(began) >= OutageBound)
                    throw Lost(problem);
            }

            await Task.Delay(Gap, time, cancellation);
        }
    }

    /// <summary>Calls until one succeeds.</summary>
    /// <exception cref="ClientException">The cluster was out of reach for <see cref="OutageBound"/>.</exception>
    public Task Call(Func<Task> call, CancellationToken cancellation) =>
        Call(
            async () =>
            {
                await call();
                return true;
            },
            cancellation);

    /// <summary>
    /// Whether an exception says that a silo or the store was out of reach, rather than that a call failed. Orleans
    /// has no type of its own for a directory that moves and for a store that a grain could not read: it throws its
    /// base type for these, and the mistakes of programmers are never of it. A call that nobody here has cancelled was
    /// cancelled there: a coordinator that could not read its record while its silo was cut off.
    /// </summary>
    public static bool IsOutage(Exception problem) =>
        problem is TimeoutException or OrleansMessageRejectionException or ConnectionFailedException
            or GatewayTooBusyException or ClientNotAvailableException or InconsistentStateException or RedisException
            or OperationCanceledException
        || problem.GetType() == typeof(OrleansException) || IsOfStore(problem);

    /// <summary>
    /// A grain could not read or write its record. The exception is of a library that a client does not have, or of one
    /// that Orleans cannot send; what arrives instead names it.
    /// </summary>
    private static bool IsOfStore(Exception problem) =>
        problem.Message.Contains("Orleans.Persistence.Redis.", StringComparison.Ordinal)
        || problem.Message.Contains("StackExchange.Redis.", StringComparison.Ordinal)
        || ClosedPipe.Is(problem);

    private static ClientException Lost(Exception problem)
    {
        var reason = IsOfStore(problem)
            ? "its store cannot be read or written. See whether the redis-server runs or, where a silo hosts the "
                + "store, whether that silo runs and its disk has room; runs go on when the store is back."
            : "its silos do not answer. See whether they run, and whether this machine reaches their ports; --verbose "
                + "says what was met.";
        return new ClientException(
            ExitCodes.Unreachable,
            $"The cluster has been out of reach for {OutageBound.TotalSeconds:0} s: {reason}",
            problem);
    }
}

using Gpt2Cluster.Contracts;
using Gpt2Cluster.Core.Retries;
using Gpt2Cluster.LocalCluster;
using Orleans.Clustering.Redis;
using StackExchange.Redis;

namespace Gpt2Cluster.Client.Connection;

/// <summary>
/// Repeats calls while silos die and come back. Every call made through it must be harmless to repeat. The bound is on
/// the time since the last success, so a watch of hours survives any number of short outages.
/// </summary>
/// <param name="time">The clock.</param>
/// <param name="isOver">Whether it is known that the cluster does not come back.</param>
internal sealed class CallRetries(TimeProvider time, Func<bool>? isOver = null)
{
    /// <summary>
    /// An outage longer than this ends the command: a supervisor waits as long for a silo that it has started again.
    /// </summary>
    public static readonly TimeSpan StandardBound = LocalClusters.SiloReadyBound;

    /// <summary>People are told of an outage that lasts this long; long polls take 5 s.</summary>
    public static readonly TimeSpan NoticeAfter = TimeSpan.FromSeconds(6);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    /// <summary>How long an outage may last.</summary>
    public TimeSpan Bound { get; init; } = StandardBound;

    /// <summary>Tells people that an outage is waited for, and that it is over.</summary>
    public Action<string> Say { get; set; } = _ => { };

    /// <summary>Calls until one succeeds.</summary>
    /// <exception cref="ClientException">The cluster was out of reach for <see cref="Bound"/>.</exception>
    public async Task<T> Call<T>(Func<Task<T>> call, CancellationToken cancellation)
    {
        using var done = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var notice = SayThatItLasts(done.Token);
        try
        {
            var answer = await Repeat(call, cancellation);
            if (notice.IsCompletedSuccessfully && await notice)
                Say("the cluster answers again");
            return answer;
        }
        finally
        {
            await done.CancelAsync();
        }
    }

    /// <summary>Calls until one succeeds.</summary>
    /// <exception cref="ClientException">The cluster was out of reach for <see cref="Bound"/>.</exception>
    public Task Call(Func<Task> call, CancellationToken cancellation) =>
        Call(
            async () =>
            {
                await call();
                return true;
            },
            cancellation);

    /// <summary>Calls until an answer is the last, as for an operation that takes long.</summary>
    /// <exception cref="ClientException">The cluster was out of reach for <see cref="Bound"/>.</exception>
    public Task<T> UntilDone<T>(Func<Task<T>> call, Func<T, bool> isDone, CancellationToken cancellation) =>
        Polling.UntilDone(() => Call(call, cancellation), isDone, cancellation);

    /// <summary>
    /// Whether an exception says that a silo or the store was out of reach, rather than that a call failed. A call that
    /// nobody here has cancelled was cancelled there: a coordinator that could not read its record while its silo was
    /// cut off.
    /// </summary>
    public static bool IsTransient(Exception problem) =>
        TransientErrors.Is(problem) || IsOfStore(problem) || problem is OperationCanceledException;

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
            + $"up to {Bound.TotalSeconds:0} s");
        return true;
    }

    private async Task<T> Repeat<T>(Func<Task<T>> call, CancellationToken cancellation)
    {
        var policy = new RetryPolicy(
            new()
            {
                Operation = "call",
                IsTransient = problem => IsTransient(problem) && isOver?.Invoke() != true,
                Bound = Bound,
                Pause = Pause,
            },
            time);
        var began = time.GetTimestamp();
        try
        {
            return await policy.Run(_ => call().WaitAsync(Left(began), time, cancellation), cancellation);
        }
        catch (Exception problem) when (IsTransient(problem))
        {
            cancellation.ThrowIfCancellationRequested();
            throw isOver?.Invoke() == true
                ? new ClientException(ExitCodes.Unreachable, "The local cluster was stopped.", problem)
                : Lost(problem);
        }
    }

    private TimeSpan Left(long began)
    {
        var left = Bound - time.GetElapsedTime(began);
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    /// <summary>
    /// A client that finds its silos through a store meets what that store's library throws; so does one whose call a
    /// silo refused on its way, before any filter.
    /// </summary>
    private static bool IsOfStore(Exception problem) =>
        problem is StoreUnavailableException or RedisException or RedisTimeoutException or RedisCommandException
            or RedisClusteringException
        || ClosedPipe.Is(problem);

    private ClientException Lost(Exception problem)
    {
        var reason = IsOfStore(problem)
            ? "its store cannot be read or written. See whether the redis-server runs or, where a silo hosts the "
                + "store, whether that silo runs and its disk has room; runs go on when the store is back."
            : "its silos do not answer. See whether they run, and whether this machine reaches their ports; --verbose "
                + "says what was met.";
        return new ClientException(
            ExitCodes.Unreachable,
            $"The cluster has been out of reach for {Bound.TotalSeconds:0} s: {reason}",
            problem);
    }
}

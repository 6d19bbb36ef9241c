using System.Diagnostics.Metrics;
using Polly;
using Polly.Retry;

namespace Gpt2Cluster.Core.Retries;

/// <summary>
/// The one way to repeat what failed: with a name, a bound, pauses and a metric. Safe to use from any thread, by
/// several at a time; each run of it has the whole bound.
/// </summary>
public sealed class RetryPolicy
{
    /// <summary>Name of the meter that counts attempts.</summary>
    public const string MeterName = "Gpt2Cluster.Retries";

    private static readonly Counter<long> Attempts = new Meter(MeterName).CreateCounter<long>(
        "gpt2cluster_retry_attempts", description: "Attempts after the first one, by what is attempted.");

    private static readonly ResiliencePropertyKey<long> Began = new("began");

    private readonly RetryOptions options;
    private readonly TimeProvider? time;
    private readonly ResiliencePipeline pipeline;

    /// <summary>Makes a policy.</summary>
    /// <param name="options">What is repeated, and how long.</param>
    /// <param name="time">The clock of bound and pauses; null where there are none.</param>
    public RetryPolicy(RetryOptions options, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Bound < TimeSpan.MaxValue || options.Pause > TimeSpan.Zero)
            ArgumentNullException.ThrowIfNull(time);
        (this.options, this.time) = (options, time);

        // A rate needs the zero before the first event.
        Count(options.Operation, 0);
        var isGrowing = options.LongestPause > options.Pause;
        pipeline = new ResiliencePipelineBuilder { TimeProvider = time }
            .AddRetry(new RetryStrategyOptions
            {
                MaxRetryAttempts = options.MaximumAttempts == int.MaxValue ? int.MaxValue : options.MaximumAttempts - 1,
                BackoffType = isGrowing ? DelayBackoffType.Exponential : DelayBackoffType.Constant,
                Delay = options.Pause,
                MaxDelay = isGrowing ? options.LongestPause : options.Pause,
                ShouldHandle = failed => ValueTask.FromResult(
                    failed.Outcome.Exception is { } problem
                    && !failed.Context.CancellationToken.IsCancellationRequested
                    && options.IsTransient(problem)
                    && Elapsed(failed.Context) < options.Bound),
                OnRetry = retry =>
                {
                    Count(options.Operation);
                    options.OnRetry(
                        new FailedAttempt(retry.Outcome.Exception!, Elapsed(retry.Context), retry.RetryDelay));
                    return ValueTask.CompletedTask;
                },
            })
            .Build();
    }

    /// <summary>Counts an attempt of what is repeated for ever, and needs no policy.</summary>
    /// <param name="operation">See <see cref="RetryOptions.Operation"/>.</param>
    /// <param name="count">How many.</param>
    public static void Count(string operation, int count = 1) =>
        Attempts.Add(count, new KeyValuePair<string, object?>("operation", operation));

    /// <summary>Attempts until one succeeds, or fails for good: then its exception is thrown as it is.</summary>
    /// <param name="attempt">One attempt; it is told how many were made before it.</param>
    /// <param name="cancellation">Ends it between two attempts, and the pause.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public async Task<T> Run<T>(Func<int, Task<T>> attempt, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(attempt);
        var context = ResilienceContextPool.Shared.Get(options.StaysInContext, cancellation);
        context.Properties.Set(Began, time?.GetTimestamp() ?? 0);
        var madeCount = 0;
        try
        {
            return await pipeline
                .ExecuteAsync(_ => new ValueTask<T>(attempt(madeCount++)), context)
                .ConfigureAwait(options.StaysInContext);
        }
        catch (Exception problem) when (cancellation.IsCancellationRequested && options.IsTransient(problem))
        {
            throw new OperationCanceledException(cancellation);
        }
        finally
        {
            ResilienceContextPool.Shared.Return(context);
        }
    }

    /// <summary>The same for what has no result.</summary>
    /// <param name="attempt">One attempt; it is told how many were made before it.</param>
    /// <param name="cancellation">Ends it between two attempts, and the pause.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public Task Run(Func<int, Task> attempt, CancellationToken cancellation = default) => Run(
        async made =>
        {
            await attempt(made).ConfigureAwait(options.StaysInContext);
            return true;
        },
        cancellation);

    private TimeSpan Elapsed(ResilienceContext context) =>
        time?.GetElapsedTime(context.Properties.GetValue(Began, 0L)) ?? TimeSpan.Zero;
}

using System.Diagnostics.Metrics;
using Gpt2Cluster.Core.Retries;
using Microsoft.Extensions.Time.Testing;

namespace Gpt2Cluster.Core.Tests.Retries;

public sealed class RetryPolicyTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly FakeTimeProvider time = new();
    private readonly List<FailedAttempt> told = [];

    [Fact]
    public async Task It_is_repeated_with_pauses_until_it_succeeds()
    {
        var attempts = new List<int>();
        var running = Policy(Options("it-succeeds")).Run(Attempt);
        for (var made = 1; made <= 3; made++)
        {
            Assert.Equal(made, attempts.Count);
            time.Advance(Second / 2);
            Assert.Equal(made, attempts.Count);
            time.Advance(Second / 2);
        }

        Assert.Equal(7, await running);
        Assert.Equal([0, 1, 2, 3], attempts);
        Assert.Equal([Second, Second, Second], told.Select(each => each.Pause));
        Assert.Equal([0, 1, 2], told.Select(each => each.Elapsed.TotalSeconds));

        Task<int> Attempt(int made)
        {
            attempts.Add(made);
            return made < 3 ? throw new IOException("away") : Task.FromResult(7);
        }
    }

    [Fact]
    public async Task The_attempt_that_fails_at_the_bound_is_the_last()
    {
        var options = Options("bound") with { Bound = 5 * Second };
        var attemptCount = 0;
        var running = Policy(options).Run(_ => Fail(() => attemptCount++));
        while (!running.IsCompleted)
            time.Advance(Second);
        Assert.Equal("away", (await Assert.ThrowsAsync<IOException>(() => running)).Message);
        Assert.Equal(6, attemptCount);
    }

    [Fact]
    public async Task Each_run_has_the_whole_bound()
    {
        var policy = Policy(Options("each-run") with { Bound = 5 * Second });
        for (var run = 0; run < 2; run++)
        {
            var attemptCount = 0;
            var running = policy.Run(_ => Fail(() => attemptCount++));
            while (!running.IsCompleted)
                time.Advance(Second);
            await Assert.ThrowsAsync<IOException>(() => running);
            Assert.Equal(6, attemptCount);
        }
    }

    [Fact]
    public async Task The_attempt_of_the_greatest_number_is_the_last()
    {
        var attemptCount = 0;
        await Assert.ThrowsAsync<IOException>(
            () => Policy(Options("attempts") with { MaximumAttempts = 3, Pause = TimeSpan.Zero })
                .Run(_ => Fail(() => attemptCount++)));
        Assert.Equal(3, attemptCount);
        Assert.Equal(2, told.Count);
    }

    [Fact]
    public async Task Pauses_double_up_to_the_longest()
    {
        var options = Options("doubling") with { MaximumAttempts = 6, Pause = Second / 4, LongestPause = Second };
        var running = Policy(options).Run(_ => Fail());
        while (!running.IsCompleted)
            time.Advance(Second / 4);
        await Assert.ThrowsAsync<IOException>(() => running);
        Assert.Equal([0.25, 0.5, 1, 1, 1], told.Select(each => each.Pause.TotalSeconds));
    }

    [Fact]
    public async Task What_cannot_pass_passes_at_once()
    {
        var met = new UserErrorException("no such run");
        Assert.Same(met, await Record.ExceptionAsync(
            () => Policy(Options("final")).Run(_ => Task.FromException(met))));
        Assert.Empty(told);
    }

    [Fact]
    public async Task A_cancellation_ends_the_pause()
    {
        using var cancellation = new CancellationTokenSource();
        var running = Policy(Options("cancelled")).Run(_ => Fail(), cancellation.Token);
        Assert.False(running.IsCompleted);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task A_failure_after_a_cancellation_is_not_repeated()
    {
        using var cancellation = new CancellationTokenSource();
        var attempt = new TaskCompletionSource();
        var running = Policy(Options("cancelled-within")).Run(_ => attempt.Task, cancellation.Token);
        await cancellation.CancelAsync();
        attempt.SetException(new IOException());
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        Assert.Empty(told);
    }

    [Fact]
    public async Task Attempts_after_the_first_are_counted_by_operation_from_zero_on()
    {
        var counted = new List<(string Operation, long Count)>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, all) =>
        {
            if (instrument is { Name: "gpt2cluster_retry_attempts", Meter.Name: RetryPolicy.MeterName })
                all.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((_, count, labels, _) =>
        {
            lock (counted)
                counted.Add(((string)labels[0].Value!, count));
        });
        listener.Start();

        var policy = Policy(Options("counted") with { MaximumAttempts = 3, Pause = TimeSpan.Zero });
        await Assert.ThrowsAsync<IOException>(() => policy.Run(_ => Fail()));

        lock (counted)
            Assert.Equal([0L, 1L, 1L], counted.Where(each => each.Operation == "counted").Select(each => each.Count));
    }

    [Fact]
    public async Task Attempts_stay_in_the_context_of_the_first()
    {
        var scheduler = new ConcurrentExclusiveSchedulerPair().ExclusiveScheduler;
        var places = new List<TaskScheduler>();
        var running = await Task.Factory.StartNew(
            () => Policy(Options("context")).Run(async made =>
            {
                places.Add(TaskScheduler.Current);
                await Task.Yield();
                if (made == 0)
                    throw new IOException();
            }),
            TestContext.Current.CancellationToken,
            TaskCreationOptions.None,
            scheduler);
        for (var deadline = 0; !running.IsCompleted && deadline < 100_000; deadline++)
        {
            time.Advance(Second);
            await Task.Yield();
        }

        await running;
        Assert.Equal([scheduler, scheduler], places);
    }

    private RetryPolicy Policy(RetryOptions options) => new(options, time);

    private RetryOptions Options(string operation) => new()
    {
        Operation = operation,
        IsTransient = problem => problem is IOException,
        Pause = Second,
        OnRetry = told.Add,
    };

    private static Task Fail(Action? first = null)
    {
        first?.Invoke();
        return Task.FromException(new IOException("away"));
    }
}

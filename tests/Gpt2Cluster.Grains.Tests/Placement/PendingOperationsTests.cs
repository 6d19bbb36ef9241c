using Gpt2Cluster.Contracts;
using Gpt2Cluster.Grains.Placement;
using Microsoft.Extensions.Time.Testing;

namespace Gpt2Cluster.Grains.Tests.Placement;

public sealed class PendingOperationsTests
{
    private readonly FakeTimeProvider time = new();
    private readonly TaskCompletionSource<string> done = new();
    private readonly PendingOperations<string> operations;
    private int begunCount;

    public PendingOperationsTests() => operations = new PendingOperations<string>(time);

    [Fact]
    public async Task Calls_answer_after_some_seconds_and_an_operation_is_begun_once()
    {
        for (var call = 1; call <= 3; call++)
        {
            var asked = Ask();
            Assert.False(asked.IsCompleted);
            time.Advance(LongPoll.Wait);
            Assert.Equal("under way", await asked);
        }

        var last = Ask();
        done.SetResult("done");
        Assert.Equal("done", await last);
        Assert.Equal(1, begunCount);
    }

    [Fact]
    public async Task An_answer_that_was_heard_is_not_kept()
    {
        done.SetResult("done");
        await Ask();
        await Ask();
        Assert.Equal(2, begunCount);
    }

    [Fact]
    public async Task A_failure_is_told_and_the_next_call_tries_again()
    {
        done.SetException(new IOException());
        await Assert.ThrowsAsync<IOException>(Ask);
        await Assert.ThrowsAsync<IOException>(Ask);
        Assert.Equal(2, begunCount);
    }

    [Fact]
    public void The_wait_is_shorter_than_the_callers_patience() =>
        Assert.True(LongPoll.Wait < TimeSpan.Parse(LongPoll.Bound, null) / 2);

    [Fact]
    public async Task Lost_answers_are_asked_for_again()
    {
        var answers = new Queue<string?>([null, null, "under way", null, null, "done"]);
        var answer = await PendingOperations.Await(
            () => answers.Dequeue() is { } known
                ? Task.FromResult(known)
                : Task.FromException<string>(new TimeoutException()),
            known => known == "done");
        Assert.Equal("done", answer);
    }

    [Fact]
    public async Task Silence_is_not_asked_for_ever()
    {
        var askedCount = 0;
        await Assert.ThrowsAsync<TimeoutException>(() => PendingOperations.Await(
            () =>
            {
                askedCount++;
                return Task.FromException<string>(new TimeoutException());
            },
            _ => true));
        Assert.Equal(3, askedCount);
    }

    private Task<string> Ask() => operations.Ask(
        "one",
        () =>
        {
            begunCount++;
            return done.Task;
        },
        "under way");
}

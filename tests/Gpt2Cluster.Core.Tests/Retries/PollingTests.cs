using Gpt2Cluster.Core.Retries;
using Microsoft.Extensions.Time.Testing;

namespace Gpt2Cluster.Core.Tests.Retries;

public sealed class PollingTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly FakeTimeProvider time = new();
    private int askedCount;

    [Fact]
    public async Task It_is_asked_with_pauses_until_it_is_done()
    {
        var polling = Polling.UntilDone(Ask, count => count == 3, Second, 10 * Second, time);
        Assert.Equal(1, askedCount);
        time.Advance(Second);
        Assert.False(polling.IsCompleted);
        time.Advance(Second);
        Assert.Equal(3, await polling);
    }

    [Fact]
    public async Task The_last_answer_within_the_bound_is_given_done_or_not()
    {
        var polling = Polling.UntilDone(Ask, _ => false, Second, 4 * Second, time);
        while (!polling.IsCompleted)
            time.Advance(Second);
        Assert.Equal(5, await polling);

        var looking = Polling.UntilTrue(() => false, Second, 4 * Second, time);
        while (!looking.IsCompleted)
            time.Advance(Second);
        Assert.False(await looking);
    }

    [Fact]
    public async Task Who_answers_late_is_asked_again_without_a_pause() =>
        Assert.Equal(4, await Polling.UntilDone(Ask, count => count == 4));

    [Fact]
    public async Task What_fails_is_not_asked_again()
    {
        await Assert.ThrowsAsync<IOException>(() => Polling.UntilDone<int>(
            () => throw new IOException(), _ => false, Second, 4 * Second, time));
    }

    [Fact]
    public async Task A_cancellation_ends_the_pause()
    {
        using var cancellation = new CancellationTokenSource();
        var polling = Polling.UntilDone(Ask, _ => false, Second, TimeSpan.MaxValue, time, cancellation.Token);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => polling);
    }

    private Task<int> Ask() => Task.FromResult(++askedCount);
}

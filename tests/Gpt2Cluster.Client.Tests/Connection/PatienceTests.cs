using System.IO.Pipelines;
using Gpt2Cluster.Client.Connection;
using Microsoft.Extensions.Time.Testing;
using Orleans.Storage;
using StackExchange.Redis;

namespace Gpt2Cluster.Client.Tests.Connection;

/// <summary>Calls outlive a silo and its store for a minute; what fails for another reason fails at once.</summary>
public sealed class PatienceTests
{
    private readonly FakeTimeProvider time = new() { AutoAdvanceAmount = TimeSpan.FromMilliseconds(1) };

    public static TheoryData<Exception> Outages =>
    [
        new TimeoutException(),
        new SiloUnavailableException("No silo named silo1 is in the cluster."),
        new OrleansException("Error from storage provider runs during ReadState."),
        new InconsistentStateException("Another coordinator has written."),
        new RedisConnectionException(ConnectionFailureType.SocketFailure, "The store is gone."),
        new TypeLoadException("Unable to load Orleans.Persistence.Redis.RedisStorageException from assembly x"),
        new NotSupportedException("Could not find a codec for type StackExchange.Redis.RedisConnectionException."),
        ReadOfClosed(new Pipe()),
        WriteOfClosed(new Pipe()),
        new RedisTimeoutException("The store does not answer.", CommandStatus.Unknown),
        new TaskCanceledException("A task was canceled."),
    ];

    [Theory]
    [MemberData(nameof(Outages))]
    public async Task A_call_is_repeated_until_the_silo_is_back(Exception outage)
    {
        var left = 3;
        var call = new Patience(time).Call(
            () => left-- > 0 ? Task.FromException<int>(outage) : Task.FromResult(7), CancellationToken.None);
        while (!call.IsCompleted)
            time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(7, await call);
    }

    [Theory]
    [MemberData(nameof(Outages))]
    public async Task It_ends_after_a_minute_as_unreachable(Exception outage)
    {
        var call = new Patience(time).Call(() => Task.FromException<int>(outage), CancellationToken.None);
        while (!call.IsCompleted)
            time.Advance(TimeSpan.FromSeconds(1));
        var problem = await Assert.ThrowsAsync<ClientException>(() => call);
        Assert.Equal(ExitCodes.Unreachable, problem.ExitCode);
        Assert.Contains("60 s", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_outage_that_lasts_is_told_once_and_so_is_its_end()
    {
        var (said, answer) = (new List<string>(), new TaskCompletionSource<int>());
        var call = new Patience(time) { Say = said.Add }.Call(() => answer.Task, CancellationToken.None);
        time.Advance(Patience.NoticeAfter - TimeSpan.FromSeconds(1));
        Assert.Empty(said);
        for (var second = 0; second < 20; second++)
            time.Advance(TimeSpan.FromSeconds(1));
        Assert.StartsWith("the cluster does not answer", Assert.Single(said), StringComparison.Ordinal);
        answer.SetResult(7);
        Assert.Equal(7, await call);
        Assert.Equal("the cluster answers again", said[^1]);

        said.Clear();
        Assert.Equal(7, await new Patience(time) { Say = said.Add }.Call(() => answer.Task, CancellationToken.None));
        Assert.Empty(said);
    }

    [Fact]
    public async Task Whoever_cancels_does_not_wait()
    {
        using var interrupt = new CancellationTokenSource();
        var call = new Patience(time).Call(() => new TaskCompletionSource<int>().Task, interrupt.Token);
        await interrupt.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
    }

    [Fact]
    public async Task A_mistake_is_not_repeated()
    {
        var calls = 0;
        await Assert.ThrowsAsync<InvalidOperationException>(() => new Patience(time).Call(
            () =>
            {
                calls++;
                return Task.FromException<int>(new InvalidOperationException("no"));
            },
            CancellationToken.None));
        Assert.Equal(1, calls);
    }

    [Fact]
    public async Task A_cluster_that_was_stopped_is_not_waited_for()
    {
        var problem = await Assert.ThrowsAsync<ClientException>(() => new Patience(time, () => true).Call(
            () => Task.FromException<int>(new TimeoutException()), CancellationToken.None));
        Assert.Equal(ExitCodes.Unreachable, problem.ExitCode);
    }

    // What the store's library throws where a connection breaks at the wrong moment.
    private static InvalidOperationException ReadOfClosed(Pipe pipe)
    {
        pipe.Reader.Complete();
        return Assert.Throws<InvalidOperationException>(() => { pipe.Reader.TryRead(out _); });
    }

    private static InvalidOperationException WriteOfClosed(Pipe pipe)
    {
        pipe.Writer.Complete();
        return Assert.Throws<InvalidOperationException>(() => { pipe.Writer.GetMemory(1); });
    }
}

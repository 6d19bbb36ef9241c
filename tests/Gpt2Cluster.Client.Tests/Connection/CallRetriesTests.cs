using System.IO.Pipelines;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.LocalCluster;
using Microsoft.Extensions.Time.Testing;
using Orleans.Clustering.Redis;
using Orleans.Storage;
using StackExchange.Redis;

namespace Gpt2Cluster.Client.Tests.Connection;

/// <summary>
/// Calls outlive a silo and its store as long as a supervisor waits for one; what fails for another reason fails at
/// once.
/// </summary>
public sealed class CallRetriesTests
{
    private readonly FakeTimeProvider time = new() { AutoAdvanceAmount = TimeSpan.FromMilliseconds(1) };

    public static TheoryData<Exception> TransientProblems =>
    [
        new TimeoutException(),
        new SiloUnavailableException("No silo named silo1 is in the cluster."),
        new OrleansException("Error from storage provider runs during ReadState."),
        new InconsistentStateException("Another coordinator has written."),
        new RedisConnectionException(ConnectionFailureType.SocketFailure, "The store is gone."),
        new StoreUnavailableException("RedisConnectionException: The store is gone."),
        new RedisTimeoutException("The store does not answer.", CommandStatus.Unknown),
        new RedisCommandException("No connection is there."),
        new RedisClusteringException("The table is gone."),
        ReadOfClosed(new Pipe()),
        WriteOfClosed(new Pipe()),
        new TaskCanceledException("A task was canceled."),
    ];

    [Theory]
    [MemberData(nameof(TransientProblems))]
    public async Task A_call_is_repeated_until_the_silo_is_back(Exception transient)
    {
        var left = 3;
        var call = new CallRetries(time).Call(
            () => left-- > 0 ? Task.FromException<int>(transient) : Task.FromResult(7), CancellationToken.None);
        while (!call.IsCompleted)
            time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(7, await call);
    }

    [Theory]
    [MemberData(nameof(TransientProblems))]
    public async Task It_ends_as_unreachable_when_a_supervisor_would_have_given_up(Exception transient)
    {
        var call = new CallRetries(time).Call(() => Task.FromException<int>(transient), CancellationToken.None);
        while (!call.IsCompleted)
            time.Advance(TimeSpan.FromSeconds(1));
        var problem = await Assert.ThrowsAsync<ClientException>(() => call);
        Assert.Equal(ExitCodes.Unreachable, problem.ExitCode);
        Assert.Contains("out of reach for 90 s", problem.Message, StringComparison.Ordinal);
        Assert.Equal(LocalClusters.SiloReadyBound, CallRetries.StandardBound);
    }

    [Fact]
    public async Task An_outage_that_lasts_is_told_once_and_so_is_its_end()
    {
        var (said, answer) = (new List<string>(), new TaskCompletionSource<int>());
        var call = new CallRetries(time) { Say = said.Add }.Call(() => answer.Task, CancellationToken.None);
        time.Advance(CallRetries.NoticeAfter - TimeSpan.FromSeconds(1));
        Assert.Empty(said);
        for (var second = 0; second < 20; second++)
            time.Advance(TimeSpan.FromSeconds(1));
        Assert.StartsWith("the cluster does not answer", Assert.Single(said), StringComparison.Ordinal);
        answer.SetResult(7);
        Assert.Equal(7, await call);
        Assert.Equal("the cluster answers again", said[^1]);

        said.Clear();
        Assert.Equal(7, await new CallRetries(time) { Say = said.Add }.Call(() => answer.Task, CancellationToken.None));
        Assert.Empty(said);
    }

    [Fact]
    public async Task The_store_is_named_when_it_is_what_was_away()
    {
        var call = new CallRetries(time).Call(
            () => Task.FromException<int>(new StoreUnavailableException()), CancellationToken.None);
        while (!call.IsCompleted)
            time.Advance(TimeSpan.FromSeconds(1));
        var problem = await Assert.ThrowsAsync<ClientException>(() => call);
        Assert.Contains("its store cannot be read or written", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_brief_command_gives_a_call_up_that_does_not_answer()
    {
        var bound = ClusterConnection.ConnectBound;
        var call = new CallRetries(time) { Bound = bound }.Call(
            () => new TaskCompletionSource<int>().Task, CancellationToken.None);
        var began = time.GetTimestamp();
        while (!call.IsCompleted)
            time.Advance(TimeSpan.FromSeconds(1));
        var problem = await Assert.ThrowsAsync<ClientException>(() => call);
        Assert.Equal(ExitCodes.Unreachable, problem.ExitCode);
        Assert.InRange(time.GetElapsedTime(began), bound, bound + TimeSpan.FromSeconds(1));
    }

    [Fact]
    public async Task Whoever_cancels_does_not_wait()
    {
        using var interrupt = new CancellationTokenSource();
        var call = new CallRetries(time).Call(() => new TaskCompletionSource<int>().Task, interrupt.Token);
        await interrupt.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
    }

    [Fact]
    public async Task A_mistake_is_not_repeated()
    {
        var calls = 0;
        await Assert.ThrowsAsync<InvalidOperationException>(() => new CallRetries(time).Call(
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
        var problem = await Assert.ThrowsAsync<ClientException>(() => new CallRetries(time, () => true).Call(
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

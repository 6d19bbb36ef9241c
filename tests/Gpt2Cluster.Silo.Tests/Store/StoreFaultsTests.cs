using System.IO.Pipelines;
using System.Reflection;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Core;
using Gpt2Cluster.Silo.Store;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Clustering.Redis;
using Orleans.Persistence.Redis;
using Orleans.Serialization;
using Orleans.Storage;
using StackExchange.Redis;

namespace Gpt2Cluster.Silo.Tests.Store;

/// <summary>
/// What the store's library throws leaves a silo as the one exception that callers know, and everything else as it is.
/// </summary>
public sealed class StoreFaultsTests
{
    public static TheoryData<Exception> OfTheStore =>
    [
        new RedisConnectionException(ConnectionFailureType.SocketFailure, "The store is gone."),
        new RedisTimeoutException("The store does not answer.", CommandStatus.Unknown),
        new RedisServerException("LOADING the store reads its file."),
        new RedisCommandException("No connection is there."),
        new RedisStorageException("Failed to read the state of a grain."),
        new RedisClusteringException("The table is gone."),
        ReadOfClosed(new Pipe()),
        WriteOfClosed(new Pipe()),

        // From another process: nobody knows any more where it was thrown.
        new InvalidOperationException(ReadOfClosed(new Pipe()).Message),
        new InvalidOperationException(WriteOfClosed(new Pipe()).Message),
    ];

    public static TheoryData<Exception> Others =>
    [
        new InconsistentStateException("Another coordinator has written."),
        new UserErrorException("There is no such run."),
        new InvalidOperationException("A mistake."),
        new TimeoutException("A silo does not answer."),
        new OperationCanceledException(),
    ];

    [Theory]
    [MemberData(nameof(OfTheStore))]
    public async Task An_exception_of_the_store_leaves_a_grain_as_the_typed_one(Exception met)
    {
        var problem = await Assert.ThrowsAsync<StoreUnavailableException>(
            () => new StoreFaultFilter().Invoke(FailedCall.With<IIncomingGrainCallContext>(met)));
        Assert.Contains(met.Message, problem.Message, StringComparison.Ordinal);
        Assert.Null(problem.InnerException);
        Assert.True(TransientErrors.Is(problem));
        await Assert.ThrowsAsync<StoreUnavailableException>(
            () => new StoreFaultFilter().Invoke(FailedCall.With<IOutgoingGrainCallContext>(met)));
    }

    [Theory]
    [MemberData(nameof(Others))]
    public async Task Other_exceptions_leave_it_as_they_are(Exception met)
    {
        Assert.Same(met, await Record.ExceptionAsync(
            () => new StoreFaultFilter().Invoke(FailedCall.With<IIncomingGrainCallContext>(met))));
        Assert.Same(met, await Record.ExceptionAsync(
            () => new StoreFaultFilter().Invoke(FailedCall.With<IOutgoingGrainCallContext>(met))));
    }

    [Fact]
    public async Task A_record_that_cannot_be_read_says_the_same_before_any_call()
    {
        var storage = new TypedGrainStorage(new AbsentStorage());
        var record = new GrainState<string>();
        var grain = GrainId.Create("run", "run1");
        await Assert.ThrowsAsync<StoreUnavailableException>(() => storage.ReadStateAsync("run", grain, record));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => storage.WriteStateAsync("run", grain, record));
        await Assert.ThrowsAsync<InconsistentStateException>(() => storage.ClearStateAsync("run", grain, record));
    }

    [Fact]
    public void The_typed_exception_travels()
    {
        var received = Travel(new StoreUnavailableException("the store is away"));

        Assert.IsType<StoreUnavailableException>(received);
        Assert.Equal("the store is away", received.Message);
    }

    /// <summary>
    /// Other exceptions travel as what they are too: with Orleans' own settings, one that it does not know could not be
    /// sent, and what came instead ended a silo.
    /// </summary>
    [Fact]
    public void An_exception_inside_another_one_travels()
    {
        var sent = new InvalidOperationException("outer", new RedisTimeoutException("inner", CommandStatus.Unknown));

        Assert.Equal("inner", Travel(sent).InnerException!.Message);
    }

    private static Exception Travel(Exception exception)
    {
        var services = new ServiceCollection();
        services.AddSerializer();
        services.Configure<ExceptionSerializationOptions>(TravellingExceptions.Configure);
        using var provider = services.BuildServiceProvider();
        var serializer = provider.GetRequiredService<Serializer>();
        return serializer.Deserialize<Exception>(serializer.SerializeToArray(exception))!;
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

    /// <summary>A call's context, of which a filter uses nothing but the call.</summary>
    public class FailedCall : DispatchProxy
    {
        private Exception? met;

        public static T With<T>(Exception met)
            where T : class
        {
            var context = Create<T, FailedCall>();
            ((FailedCall)(object)context).met = met;
            return context;
        }

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => Task.FromException(met!);
    }

    private sealed class AbsentStorage : IGrainStorage
    {
        public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
            throw new RedisStorageException("away");

        public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
            Task.FromException(new RedisConnectionException(ConnectionFailureType.SocketClosed, "away"));

        public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
            throw new InconsistentStateException("another ETag");
    }
}

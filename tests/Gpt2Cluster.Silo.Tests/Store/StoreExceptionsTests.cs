using Gpt2Cluster.Contracts;
using Gpt2Cluster.Grains.Placement;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;
using StackExchange.Redis;

namespace Gpt2Cluster.Silo.Tests.Store;

/// <summary>
/// An exception of the store's library comes to callers on other silos as what it is: with Orleans' own settings it
/// could not be sent, and the one that came instead ended a silo.
/// </summary>
public sealed class StoreExceptionsTests
{
    [Fact]
    public void Exception_of_the_store_is_the_same_outage_for_the_caller()
    {
        var sent = new RedisConnectionException(ConnectionFailureType.SocketFailure, "the store is away");

        var received = Travel(sent);

        Assert.IsType<RedisConnectionException>(received);
        Assert.Equal("the store is away", received.Message);
        Assert.True(Outage.Is(received));
    }

    [Fact]
    public void Exception_inside_another_one_comes_too()
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
}

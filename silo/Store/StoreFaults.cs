using System.IO.Pipelines;
using Gpt2Cluster.Contracts;
using Orleans.Clustering.Redis;
using Orleans.Persistence.Redis;
using StackExchange.Redis;

namespace Gpt2Cluster.Silo.Store;

/// <summary>
/// The one place that knows what the store's library throws, and makes <see cref="StoreUnavailableException"/> of it.
/// </summary>
internal static class StoreFaults
{
    /// <summary>Makes a call to the store.</summary>
    /// <exception cref="StoreUnavailableException">The store is out of reach, or could not do it.</exception>
    public static async Task<T> Typed<T>(Func<Task<T>> call)
    {
        try
        {
            return await call();
        }
        catch (Exception problem) when (IsOfStore(problem))
        {
            throw new StoreUnavailableException($"{problem.GetType().Name}: {problem.Message}");
        }
    }

    /// <summary>The same for a call without a result.</summary>
    /// <exception cref="StoreUnavailableException">The store is out of reach, or could not do it.</exception>
    public static Task Typed(Func<Task> call) => Typed(async () =>
    {
        await call();
        return true;
    });

    private static bool IsOfStore(Exception problem) =>
        problem is RedisException or RedisTimeoutException or RedisCommandException or RedisStorageException
            or RedisClusteringException
        || IsOfPipe(problem);

    /// <summary>
    /// A connection that breaks while somebody reads or writes it: the library throws then, now and again, not an
    /// exception of its own but what its pipe throws.
    /// </summary>
    private static bool IsOfPipe(Exception problem) => ClosedPipe.Is(problem)
        || (problem is InvalidOperationException && problem.TargetSite?.Module.Assembly == typeof(Pipe).Assembly);
}

using Gpt2Cluster.Core;
using Gpt2Cluster.Silo.Settings;
using StackExchange.Redis;

namespace Gpt2Cluster.Silo.Lifetime;

/// <summary>What ends a silo before it is in its cluster, and is no defect.</summary>
internal static class StartupFailure
{
    /// <summary>Whether a signal has stopped the start; what was under way fails then, in its own way.</summary>
    public static bool IsInterrupted(IHostApplicationLifetime lifetime, Exception problem) =>
        problem is not UserErrorException
        && lifetime.ApplicationStopping.IsCancellationRequested
        && !lifetime.ApplicationStarted.IsCancellationRequested;

    /// <summary>The sentence for a store whose keys are not a cluster's; null for other problems.</summary>
    public static string? SentenceOf(IHostApplicationLifetime lifetime, Exception problem, StoreAddress store)
    {
        if (lifetime.ApplicationStarted.IsCancellationRequested)
            return null;
        var causes = Causes(problem).ToList();
        return causes.OfType<RedisServerException>().FirstOrDefault() is { } refusal
            ? $"The store {store} does not take what a silo writes ({refusal.Message}); name another one with --redis, "
                + "or another --cluster-id."
            : null;
    }

    private static IEnumerable<Exception> Causes(Exception problem)
    {
        for (var cause = problem; cause is not null; cause = cause.InnerException)
            yield return cause;
    }
}

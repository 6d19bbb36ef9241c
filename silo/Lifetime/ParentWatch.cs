using Gpt2Cluster.Core.Threads;

namespace Gpt2Cluster.Silo.Lifetime;

/// <summary>Stops the silo when standard input ends: whoever started it is gone, whatever way it went.</summary>
public sealed partial class ParentWatch(IHostApplicationLifetime lifetime, ILogger<ParentWatch> logger) : IHostedService
{
    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        DedicatedThread.Start("parent watch", Watch);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private void Watch()
    {
        using var input = Console.OpenStandardInput();
        Span<byte> ignored = stackalloc byte[256];
        while (ReadsMore(input, ignored))
        {
        }

        LogParentGone();
        lifetime.StopApplication();
    }

    private static bool ReadsMore(Stream input, Span<byte> into)
    {
        try
        {
            return input.Read(into) > 0;
        }
        catch (IOException)
        {
            return false;
        }
    }

    [LoggerMessage(LogLevel.Information, "Standard input ended: the process that started this silo is gone. Stopping.")]
    private partial void LogParentGone();
}

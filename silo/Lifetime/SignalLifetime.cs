using System.Runtime.InteropServices;

namespace Gpt2Cluster.Silo.Lifetime;

/// <summary>
/// SIGTERM or Ctrl+C lets the silo's workers leave their runs before it stops; a second one stops it at once.
/// </summary>
/// <param name="lifetime">Stops the silo.</param>
/// <param name="services">Know the <see cref="Drain"/>, which needs what is not there yet when this is made.</param>
/// <param name="logger">Where a failure is told.</param>
public sealed partial class SignalLifetime(
    IHostApplicationLifetime lifetime, IServiceProvider services, ILogger<SignalLifetime> logger)
    : IHostLifetime, IDisposable
{
    private static readonly PosixSignal[] Signals = [PosixSignal.SIGTERM, PosixSignal.SIGINT, PosixSignal.SIGQUIT];

    private PosixSignalRegistration[] registrations = [];
    private int signalCount;

    /// <inheritdoc/>
    public Task WaitForStartAsync(CancellationToken cancellationToken)
    {
        registrations = [.. Signals.Select(signal => PosixSignalRegistration.Create(signal, Handle))];
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var registration in registrations)
            registration.Dispose();
    }

    private void Handle(PosixSignalContext context)
    {
        context.Cancel = true;
        var isFirst = Interlocked.Increment(ref signalCount) == 1;
        if (isFirst && lifetime.ApplicationStarted.IsCancellationRequested)
            _ = DrainAndStop();
        else
            lifetime.StopApplication();
    }

    private async Task DrainAndStop()
    {
        try
        {
            await services.GetRequiredService<Drain>().Run(lifetime.ApplicationStopping);
        }
        catch (Exception problem)
        {
            LogFailed(problem);
        }

        lifetime.StopApplication();
    }

    [LoggerMessage(LogLevel.Error, "The workers could not be asked to leave their runs; the silo stops.")]
    private partial void LogFailed(Exception problem);
}

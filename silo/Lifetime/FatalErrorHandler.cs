namespace Gpt2Cluster.Silo.Lifetime;

/// <summary>
/// Ends the process when Orleans cannot go on, such as when the cluster has declared this silo dead: its supervisor
/// starts it again and it joins as a new silo.
/// </summary>
public sealed partial class FatalErrorHandler(ILogger<FatalErrorHandler> logger) : IFatalErrorHandler
{
    /// <summary>The exit code that asks a supervisor for a restart (EX_TEMPFAIL of sysexits.h).</summary>
    public const int ExitCode = 75;

    /// <inheritdoc/>
    public bool IsUnexpected(Exception exception) => exception is not ThreadAbortException;

    /// <inheritdoc/>
    public void OnFatalException(object? sender = null, string? context = null, Exception? exception = null)
    {
        LogFatal(context ?? "", exception);

        // The console logger writes on a thread of its own, which will not run any more: say it directly as well.
        Console.Error.WriteLine($"The silo cannot go on and ends with code {ExitCode}: {context} {exception?.Message}");
        Native.EndNow(ExitCode);
    }

    [LoggerMessage(LogLevel.Critical, "The silo cannot go on: {Context}")]
    private partial void LogFatal(string context, Exception? exception);
}

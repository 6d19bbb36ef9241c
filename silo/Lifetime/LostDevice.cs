using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Grains.Workers;

namespace Gpt2Cluster.Silo.Lifetime;

/// <summary>
/// Ends the process when a device fails at everything it is asked: CUDA gives a process whose context is broken nothing
/// any more, while another process finds the card as it was. As after a kill, the others go on with what they have.
/// </summary>
/// <param name="silo">Which silo this is.</param>
/// <param name="logger">Told before the end.</param>
public sealed partial class LostDevice(Grains.Placement.SiloContext silo, ILogger<LostDevice> logger) : ISiloEnd
{
    /// <summary>
    /// The exit code that says so (EX_IOERR of sysexits.h): a restart is wanted, and a look at the card.
    /// </summary>
    public const int ExitCode = 74;

    /// <inheritdoc/>
    public void OnDeviceLost(WorkerId worker, Exception exception)
    {
        ArgumentNullException.ThrowIfNull(exception);
        LogLost(worker, exception);

        // The console logger writes on a thread of its own, which will not run any more: say it directly as well.
        Console.Error.WriteLine(
            $"The device of worker {worker} fails at everything it is asked, so silo {silo.Name} ends with code "
            + $"{ExitCode} and is to be started again: {exception.Message}");
        Native.EndNow(ExitCode);
    }

    [LoggerMessage(LogLevel.Critical, "The device of worker {Worker} fails at everything it is asked.")]
    private partial void LogLost(WorkerId worker, Exception exception);
}

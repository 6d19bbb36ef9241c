using System.Runtime.InteropServices;

namespace Gpt2Cluster.Client.Watching;

/// <summary>
/// Ctrl+C and the request to end, as a token that is cancelled by the first one; the second ends the process.
/// </summary>
internal sealed class Interrupts : IDisposable
{
    private readonly InterruptState state = new();
    private readonly CancellationTokenSource first = new();
    private readonly List<PosixSignalRegistration> registrations;

    /// <summary>Listens.</summary>
    public Interrupts() => registrations =
    [
        PosixSignalRegistration.Create(PosixSignal.SIGINT, Take),
        PosixSignalRegistration.Create(PosixSignal.SIGTERM, Take),
    ];

    /// <summary>Cancelled by the first one.</summary>
    public CancellationToken First => first.Token;

    /// <inheritdoc/>
    public void Dispose()
    {
        registrations.ForEach(registration => registration.Dispose());
        first.Dispose();
    }

    private void Take(PosixSignalContext context)
    {
        context.Cancel = true;
        if (state.Signal() == InterruptAction.End)
            first.Cancel();
        else
            Environment.Exit(ExitCodes.Interrupted);
    }
}

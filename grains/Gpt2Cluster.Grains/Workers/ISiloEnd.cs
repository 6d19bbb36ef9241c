using Gpt2Cluster.Core.Names;

namespace Gpt2Cluster.Grains.Workers;

/// <summary>
/// Ends this silo's process where it is of no more use: its supervisor starts it again, and runs go on as after a kill.
/// </summary>
public interface ISiloEnd
{
    /// <summary>
    /// A device fails at everything that this process asks of it (<see cref="Core.Devices.DeviceFailure.Lost"/>). Does
    /// not return in a silo.
    /// </summary>
    /// <param name="worker">The worker on that device.</param>
    /// <param name="exception">What it said last.</param>
    void OnDeviceLost(WorkerId worker, Exception exception);
}

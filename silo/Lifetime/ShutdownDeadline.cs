using Gpt2Cluster.Core.Threads;

namespace Gpt2Cluster.Silo.Lifetime;

/// <summary>
/// Ends the process when an orderly stop takes too long: Orleans waits a minute, and another one, for a store that is
/// gone. Nothing is lost by it; what was answered is on the disk.
/// </summary>
internal static class ShutdownDeadline
{
    /// <summary>Watches the stop once it has begun.</summary>
    public static void Follow(IHostApplicationLifetime lifetime, TimeSpan bound) =>
        lifetime.ApplicationStopping.Register(() =>
            DedicatedThread.Start("hard stop", () => Watch(lifetime, bound)));

    private static void Watch(IHostApplicationLifetime lifetime, TimeSpan bound)
    {
        using var stopped = new ManualResetEventSlim();
        using var registration = lifetime.ApplicationStopped.Register(stopped.Set);
        if (stopped.Wait(bound))
            return;
        Console.Error.WriteLine(
            $"The silo did not stop within {bound.TotalSeconds:0} s, as its store or other silos do not answer; it "
            + "ends now.");
        Native.EndNow(0);
    }
}

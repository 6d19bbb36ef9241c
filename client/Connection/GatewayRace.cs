using Microsoft.Extensions.Hosting;

namespace Gpt2Cluster.Client.Connection;

/// <summary>
/// Connects through whichever of several gateways answers. The first one has a head start, so that nothing is done
/// twice where it lives; then all others are tried beside it, and a dead one costs no more than that. (Handed all of
/// them at once, Orleans sends its first messages to dead ones too, and begins again when these fail.)
/// </summary>
internal static class GatewayRace
{
    /// <summary>How long the first gateway is tried alone.</summary>
    private static readonly TimeSpan HeadStart = TimeSpan.FromSeconds(0.75);

    /// <summary>Runs the race.</summary>
    /// <param name="count">Gateways there are, 1 or more.</param>
    /// <param name="connect">Connects through the gateway of an index.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>The first that is connected; what the others come to is dropped.</returns>
    public static async Task<IHost> Run(
        int count, Func<int, CancellationToken, Task<IHost>> connect, TimeProvider time, CancellationToken cancellation)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var running = new List<Task<IHost>> { connect(0, over.Token) };
        try
        {
            await Task.WhenAny(running[0], Task.Delay(HeadStart, time, over.Token));
            if (!running[0].IsCompletedSuccessfully)
                running.AddRange(Enumerable.Range(1, count - 1).Select(index => connect(index, over.Token)));
            while (true)
            {
                var ended = await Task.WhenAny(running);
                running.Remove(ended);
                if (ended.IsCompletedSuccessfully || running.Count == 0)
                    return await ended;
            }
        }
        finally
        {
            await over.CancelAsync();
            foreach (var loser in running)
                _ = Drop(loser);
        }
    }

    private static async Task Drop(Task<IHost> loser)
    {
        try
        {
            (await loser).Dispose();
        }
        catch (Exception)
        {
            // Nobody waits for it any more, whatever became of it.
        }
    }
}

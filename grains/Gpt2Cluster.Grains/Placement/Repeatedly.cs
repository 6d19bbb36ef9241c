namespace Gpt2Cluster.Grains.Placement;

/// <summary>The other side of short calls: asks until the work is done.</summary>
internal static class Repeatedly
{
    /// <summary>So many answers in a row that do not come are as if the silo were gone.</summary>
    private const int LostAtMost = 3;

    /// <summary>Asks until the work is done; an answer that is lost is asked for again.</summary>
    /// <param name="ask">One short call.</param>
    /// <param name="isDone">Whether its answer is the last.</param>
    /// <param name="cancellation">Ends the asking, between two calls.</param>
    /// <exception cref="TimeoutException">Nobody answers.</exception>
    /// <exception cref="OrleansException">The silo is gone.</exception>
    public static async Task<T> Ask<T>(
        Func<Task<T>> ask, Func<T, bool> isDone, CancellationToken cancellation = default)
    {
        for (var lost = 0; ;)
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                var answer = await ask();
                if (isDone(answer))
                    return answer;
                lost = 0;
            }
            catch (TimeoutException) when (++lost < LostAtMost)
            {
                // Asked again.
            }
        }
    }
}

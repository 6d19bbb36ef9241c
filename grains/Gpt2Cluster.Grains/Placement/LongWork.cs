using Gpt2Cluster.Contracts;

namespace Gpt2Cluster.Grains.Placement;

/// <summary>
/// Work that goes on behind short calls, one of each name at a time. Used in the turns of one grain that is reentrant.
/// </summary>
/// <typeparam name="T">What it comes to.</typeparam>
internal sealed class LongWork<T>(TimeProvider time)
{
    private readonly Dictionary<string, Task<T>> underWay = new(StringComparer.Ordinal);

    /// <summary>
    /// Begins the work unless it is under way, and waits a little. What it comes to is for those who wait then: asked
    /// for once more, it begins anew.
    /// </summary>
    /// <param name="name">Which work.</param>
    /// <param name="begin">Begins it.</param>
    /// <param name="isUnderWay">The answer while it goes on.</param>
    public async Task<T> Ask(string name, Func<Task<T>> begin, T isUnderWay)
    {
        if (!underWay.TryGetValue(name, out var work) && !(work = begin()).IsCompleted)
        {
            underWay.Add(name, work);
            ForgetWhenDone(name, work).Ignore();
        }

        if (!work.IsCompleted)
            await Task.WhenAny(work, Task.Delay(ShortCall.Wait, time));
        return work.IsCompleted ? await work : isUnderWay;
    }

    private async Task ForgetWhenDone(string name, Task<T> work)
    {
        await Task.WhenAny(work);
        underWay.Remove(name);
        work.Ignore();
    }
}

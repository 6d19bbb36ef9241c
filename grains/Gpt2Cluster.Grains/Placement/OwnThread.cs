namespace Gpt2Cluster.Grains.Placement;

/// <summary>Work of the disk that takes longer than a grain's turn should.</summary>
internal static class OwnThread
{
    /// <summary>Does it on a thread of its own.</summary>
    /// <param name="name">The thread's name.</param>
    /// <param name="work">The work.</param>
    public static Task<T> Run<T>(string name, Func<T> work)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(() =>
        {
            try
            {
                done.SetResult(work());
            }
            catch (Exception problem)
            {
                done.SetException(problem);
            }
        })
        {
            IsBackground = true,
            Name = name,
        }.Start();
        return done.Task;
    }
}

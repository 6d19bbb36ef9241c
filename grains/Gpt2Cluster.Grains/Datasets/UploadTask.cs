using Gpt2Cluster.Contracts.Datasets;

namespace Gpt2Cluster.Grains.Datasets;

/// <summary>The work on one upload, on a thread of its own: tokenising takes seconds to minutes.</summary>
public sealed class UploadTask
{
    private readonly TaskCompletionSource<UploadAnswer> answer =
        new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long done;

    private UploadTask()
    {
    }

    /// <summary>The end of the work.</summary>
    public Task<UploadAnswer> Answer => answer.Task;

    /// <summary>Bytes of the archive worked on so far.</summary>
    public long Done => Interlocked.Read(ref done);

    /// <summary>Begins the work on a spooled file, which is deleted at the end.</summary>
    public static UploadTask Begin(string spoolPath, Func<string, Action<long>, UploadAnswer> store)
    {
        var task = new UploadTask();
        new Thread(() => task.Work(spoolPath, store)) { IsBackground = true, Name = "upload" }.Start();
        return task;
    }

    private void Work(string spoolPath, Func<string, Action<long>, UploadAnswer> store)
    {
        try
        {
            answer.SetResult(store(spoolPath, count => Interlocked.Exchange(ref done, count)));
        }
        catch (Exception problem)
        {
            answer.SetException(problem);
        }
        finally
        {
            File.Delete(spoolPath);
        }
    }
}

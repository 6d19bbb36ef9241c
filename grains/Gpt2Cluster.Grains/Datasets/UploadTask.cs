using Gpt2Cluster.Contracts.Datasets;
using Gpt2Cluster.Core.Threads;

namespace Gpt2Cluster.Grains.Datasets;

/// <summary>The work on one upload, on a thread of its own: tokenising takes seconds to minutes.</summary>
public sealed class UploadTask
{
    private long done;

    /// <summary>Begins the work on a spooled file, which is deleted at the end.</summary>
    public UploadTask(string spoolPath, Func<string, Action<long>, UploadAnswer> store) =>
        Answer = DedicatedThread.Run("upload", () => Work(spoolPath, store));

    /// <summary>The end of the work.</summary>
    public Task<UploadAnswer> Answer { get; }

    /// <summary>Bytes of the archive worked on so far.</summary>
    public long Done => Interlocked.Read(ref done);

    private UploadAnswer Work(string spoolPath, Func<string, Action<long>, UploadAnswer> store)
    {
        try
        {
            return store(spoolPath, count => Interlocked.Exchange(ref done, count));
        }
        finally
        {
            File.Delete(spoolPath);
        }
    }
}

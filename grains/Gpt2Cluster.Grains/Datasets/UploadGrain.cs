using System.Security.Cryptography;
using System.Text;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Datasets;
using Gpt2Cluster.Grains.Placement;
using Microsoft.Extensions.Logging;

namespace Gpt2Cluster.Grains.Datasets;

/// <summary>Takes what a client sends in pieces onto this silo's disk; works on it on a thread of its own.</summary>
[SiloPinned, CollectionAgeLimit(Minutes = IdleMinutes)]
public sealed partial class UploadGrain(
    SiloContext silo, UploadWork work, TimeProvider time, ILogger<UploadGrain> logger) : Grain, IUpload, IDisposable
{
    /// <summary>How long one call for the end may take before it answers that the work still goes on.</summary>
    public static readonly TimeSpan AnswerBound = TimeSpan.FromSeconds(4);

    /// <summary>
    /// An upload that nobody goes on with is forgotten after this time, as when its client was killed; longer than a
    /// client waits for a cluster that is out of reach.
    /// </summary>
    public const int IdleMinutes = 5;

    private FileStream? spool;
    private long expected;
    private UploadTask? task;
    private UploadAnswer? failure;

    private string SpoolPath => Path.Combine(
        UploadWork.FolderOf(silo),
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(this.GetPrimaryKeyString()))) + ".spool");

    /// <inheritdoc/>
    public void Dispose()
    {
        if (task is null)
            Discard();
    }

    /// <inheritdoc/>
    public async Task<long> Append(Piece piece)
    {
        ArgumentNullException.ThrowIfNull(piece);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(piece.Bytes.Length, Piece.MaximumBytes);
        if (failure is not null)
            return IUpload.NoMore;
        if (piece.Index != expected || task is not null)
            return expected;
        try
        {
            await Write(piece.Bytes);
        }
        catch (Exception problem) when (UploadWork.IsOfDisk(problem))
        {
            Fail(problem);
            return IUpload.NoMore;
        }

        return ++expected;
    }

    /// <inheritdoc/>
    public Task<UploadAnswer> FinishDataset(string provenance) =>
        Finish((path, progress) => work.StoreDataset(path, provenance, progress));

    /// <inheritdoc/>
    public Task<UploadAnswer> FinishModel(string name) =>
        Finish((path, progress) => work.StoreModel(path, name, progress));

    /// <inheritdoc/>
    public Task Abandon()
    {
        DeactivateOnIdle();
        return Task.CompletedTask;
    }

    private async Task Write(byte[] bytes)
    {
        if (spool is null)
        {
            Directory.CreateDirectory(UploadWork.FolderOf(silo));
            spool = new FileStream(SpoolPath, FileMode.Create, FileAccess.Write);
        }

        await spool.WriteAsync(bytes);
    }

    private void Fail(Exception problem)
    {
        failure = work.NotStored(problem);
        LogNotStored(problem, failure.Failure!);
        Discard();
    }

    // What is thrown away needs no room on the disk: closing it may fail, removing it frees what it has.
    private void Discard()
    {
        try
        {
            spool?.Dispose();
        }
        catch (IOException)
        {
            // It was told of before, or is wanted no more.
        }

        spool = null;
        if (File.Exists(SpoolPath))
            File.Delete(SpoolPath);
    }

    private async Task<UploadAnswer> Finish(Func<string, Action<long>, UploadAnswer> store)
    {
        if (failure is not null)
            return failure;
        if (task is null)
        {
            if (spool is null)
                return new UploadAnswer { IsLost = true, Refusal = "Nothing was sent." };
            try
            {
                await spool.DisposeAsync();
            }
            catch (IOException problem)
            {
                Fail(problem);
                return failure!;
            }

            task = new UploadTask(SpoolPath, store);
        }

        await Task.WhenAny(task.Answer, Task.Delay(AnswerBound, time));
        if (!task.Answer.IsCompleted)
            return new UploadAnswer { IsPending = true, Done = task.Done };
        var answer = await task.Answer;
        if (answer.Dataset is { } dataset)
            await GrainFactory.Dataset(dataset.Hash).AddHolder(silo.Name, dataset);
        if (answer.Refusal is { } refusal)
            LogRefused(refusal);
        if (answer.Failure is { } reason)
            LogNotStored(null, reason);
        return answer;
    }

    [LoggerMessage(LogLevel.Information, "An upload was refused: {Reason}")]
    private partial void LogRefused(string reason);

    [LoggerMessage(LogLevel.Warning, "{Reason}")]
    private partial void LogNotStored(Exception? problem, string reason);
}

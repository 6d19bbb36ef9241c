using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Client.Models;
using Gpt2Cluster.Client.Output;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Datasets;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Threads;
using Gpt2Cluster.Data.Sources;
using Gpt2Cluster.Data.Tokens;
using Gpt2Cluster.Data.Uploads;
using DatasetDescription = Gpt2Cluster.Contracts.Datasets.DatasetDescription;

namespace Gpt2Cluster.Client.Upload;

/// <summary>Streams datasets and models to a silo of the cluster; no silo ever opens a client's path.</summary>
/// <param name="session">The cluster.</param>
/// <param name="output">Where progress is shown.</param>
internal sealed class Uploads(ClusterSession session, ClientOutput output)
{
    /// <summary>How often one upload is begun: a silo that dies of it more often will not survive the next.</summary>
    private const int MaximumAttempts = 3;

    /// <summary>Reads a dataset whole and throws at its first fault.</summary>
    /// <exception cref="UserErrorException">A file is bad, or all texts are empty.</exception>
    public static async Task<DatasetUpload> Check(
        ClientOutput output, DatasetSource source, CancellationToken cancellation)
    {
        DatasetUpload? upload = null;
        await ProgressBars.RunLong(output, $"checking {source.Path}", source.Bytes, progress => Task.Run(
            () => upload = DatasetUpload.Check(source, progress, cancellation), cancellation));
        return upload!;
    }

    /// <summary>
    /// Streams a dataset and waits until it is tokenised and stored; one that the cluster has already is not sent.
    /// </summary>
    /// <exception cref="UserErrorException">The dataset is bad, or was changed meanwhile; it says where.</exception>
    /// <param name="dataset">The dataset.</param>
    /// <param name="vocabulary">Whose tokens it is to become.</param>
    /// <param name="cancellation">Gives up.</param>
    public async Task<DatasetDescription> Dataset(
        DatasetUpload dataset, Gpt2Vocabulary vocabulary, CancellationToken cancellation)
    {
        var source = dataset.Source;
        if (await Find(dataset.ContentSha256, vocabulary.Reference, cancellation) is { } known)
        {
            output.WriteMessage($"{source.Path} is in the cluster already");
            return known;
        }

        var answer = await Send(
            (stream, progress) => dataset.Write(stream, vocabulary, progress, cancellation),
            upload => upload.FinishDataset(source.Path),
            new Words($"reading {source.Path}", $"encoding {source.Path}", source.Bytes),
            cancellation);
        return answer.Dataset ?? throw new ClientException(ExitCodes.Failed, "The silo stored no dataset.");
    }

    /// <summary>Streams a model folder and waits until it is checked and stored.</summary>
    /// <returns>Its name in the store.</returns>
    /// <exception cref="UserErrorException">The folder is no sound model, or the name is taken.</exception>
    public async Task<string> Model(ModelFiles files, string name, CancellationToken cancellation)
    {
        var answer = await Send(
            (stream, progress) => files.Write(stream, progress, cancellation),
            upload => upload.FinishModel(name),
            new Words($"sending {files.Name}", $"checking {files.Name}", files.Bytes),
            cancellation);
        return answer.Model ?? throw new ClientException(ExitCodes.Failed, "The silo stored no model.");
    }

    /// <summary>Sends all pieces to one silo; from the beginning again when it was restarted in between.</summary>
    private async Task<UploadAnswer> Send(
        Action<Stream, IProgress<long>> write,
        Func<IUpload, Task<UploadAnswer>> finish,
        Words words,
        CancellationToken cancellation)
    {
        for (var attempt = 1; attempt <= MaximumAttempts; attempt++)
        {
            var silo = (await session.Silos(cancellation))[0];
            var upload = session.Grains.Upload(silo.Name, Guid.NewGuid().ToString("N"));
            try
            {
                var sent = 0L;
                await ProgressBars.Run(output, words.Sending, words.Bytes, progress => Task.Run(
                    () => sent = SendPieces(upload, stream => write(stream, progress), cancellation), cancellation));
                UploadAnswer? answer = null;
                await ProgressBars.RunLong(output, words.Finishing, sent, async progress =>
                    answer = await Finish(() => finish(upload), progress, cancellation));
                return answer!;
            }
            catch (LostException)
            {
                output.Detail($"the silo {silo.Name} was restarted and has nothing of what was sent");
            }
            catch
            {
                await Abandon(upload);
                throw;
            }
        }

        throw new ClientException(
            ExitCodes.Failed,
            $"The silo was restarted {MaximumAttempts} times while it was sent to; its log says why.");
    }

    /// <summary>
    /// Writers are synchronous and this thread is theirs, so waiting for a piece to arrive blocks nobody.
    /// </summary>
    /// <returns>Bytes that were sent.</returns>
    private long SendPieces(IUpload upload, Action<Stream> write, CancellationToken cancellation)
    {
        var sent = 0L;
        using var pieces = new PieceStream(piece =>
        {
            var expected = session.Patience.Call(() => upload.Append(piece), cancellation).WaitHere();
            if (expected == IUpload.NoMore)
                throw new NoMoreException();
            if (expected != piece.Index + 1)
                throw new LostException();
            sent += piece.Bytes.Length;
        });
        try
        {
            write(pieces);
            pieces.Complete();
        }
        catch (NoMoreException)
        {
            // The end is asked for next, and says why.
        }

        return sent;
    }

    private async Task<UploadAnswer> Finish(
        Func<Task<UploadAnswer>> finish, IProgress<long> progress, CancellationToken cancellation)
    {
        while (true)
        {
            var answer = await session.Patience.Call(finish, cancellation);
            if (answer.IsLost)
                throw new LostException();
            if (answer.Refusal is { } refusal)
                throw new UserErrorException(refusal);
            if (answer.Failure is { } failure)
                throw new ClientException(ExitCodes.Failed, failure);
            if (!answer.IsPending)
                return answer;
            progress.Report(answer.Done);
        }
    }

    /// <summary>The dataset that a silo has of these documents; null if none says so.</summary>
    private async Task<DatasetDescription?> Find(
        string contentSha256, string? vocabulary, CancellationToken cancellation)
    {
        var silos = await session.Silos(cancellation);
        var answers = await Task.WhenAll(silos.Select(silo => Ask(silo.Name)));
        return answers.FirstOrDefault(answer => answer is not null);

        async Task<DatasetDescription?> Ask(string silo)
        {
            var store = session.Grains.Store(silo);
            try
            {
                while (true)
                {
                    var answer = await store.FindDataset(contentSha256, vocabulary).WaitAsync(cancellation);
                    if (answer.IsDone)
                        return answer.Dataset;
                }
            }
            catch (Exception problem) when (Patience.IsOutage(problem) && !cancellation.IsCancellationRequested)
            {
                // Another silo may have it; if none has, it is sent.
                return null;
            }
        }
    }

    private static async Task Abandon(IUpload upload)
    {
        try
        {
            await upload.Abandon();
        }
        catch (Exception problem) when (Patience.IsOutage(problem))
        {
            // A silo forgets an upload that nobody goes on with.
        }
    }

    private sealed record Words(string Sending, string Finishing, long Bytes);

    /// <summary>The silo has not got what was sent to it: it was restarted.</summary>
    private sealed class LostException : Exception;

    /// <summary>The silo cannot store what is sent to it.</summary>
    private sealed class NoMoreException : Exception;
}

using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Client.Models;
using Gpt2Cluster.Client.Output;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Datasets;
using Gpt2Cluster.Core;
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

    /// <summary>Streams a dataset and waits until it is tokenised and stored.</summary>
    /// <exception cref="UserErrorException">The dataset is bad, or was changed meanwhile; it says where.</exception>
    /// <param name="dataset">The dataset.</param>
    /// <param name="vocabulary">Whose tokens it is to become.</param>
    /// <param name="cancellation">Gives up.</param>
    public async Task<DatasetDescription> Dataset(
        DatasetUpload dataset, Gpt2Vocabulary vocabulary, CancellationToken cancellation)
    {
        var source = dataset.Source;
        var answer = await Send(
            (stream, progress) => dataset.Write(stream, vocabulary, progress, cancellation),
            upload => upload.FinishDataset(source.Path),
            ($"reading {source.Path}", source.Bytes),
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
            ($"sending {files.Name}", files.Bytes),
            cancellation);
        return answer.Model ?? throw new ClientException(ExitCodes.Failed, "The silo stored no model.");
    }

    /// <summary>Sends all pieces to one silo; from the beginning again when it was restarted in between.</summary>
    private async Task<UploadAnswer> Send(
        Action<Stream, IProgress<long>> write,
        Func<IUpload, Task<UploadAnswer>> finish,
        (string Words, long Bytes) work,
        CancellationToken cancellation)
    {
        for (var attempt = 1; attempt <= MaximumAttempts; attempt++)
        {
            var silo = (await session.Silos(cancellation))[0];
            var upload = session.Grains.GetGrain<IUpload>(GrainKeys.Upload(silo.Name, Guid.NewGuid().ToString("N")));
            try
            {
                await ProgressBars.Run(output, work.Words, work.Bytes, progress => Task.Run(
                    () => SendPieces(upload, stream => write(stream, progress), cancellation), cancellation));
                return await Finish(() => finish(upload), cancellation);
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
    private void SendPieces(IUpload upload, Action<Stream> write, CancellationToken cancellation)
    {
        using var pieces = new PieceStream(piece =>
        {
            var expected = session.Patience.Call(() => upload.Append(piece), cancellation).GetAwaiter().GetResult();
            if (expected == IUpload.NoMore)
                throw new NoMoreException();
            if (expected != piece.Index + 1)
                throw new LostException();
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
    }

    private async Task<UploadAnswer> Finish(Func<Task<UploadAnswer>> finish, CancellationToken cancellation)
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

    /// <summary>The silo has not got what was sent to it: it was restarted.</summary>
    private sealed class LostException : Exception;

    /// <summary>The silo cannot store what is sent to it.</summary>
    private sealed class NoMoreException : Exception;
}

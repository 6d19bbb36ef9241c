using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Client.Models;
using Gpt2Cluster.Client.Output;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Datasets;
using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Datasets;
using DatasetDescription = Gpt2Cluster.Contracts.Datasets.DatasetDescription;

namespace Gpt2Cluster.Client.Upload;

/// <summary>Streams datasets and models to a silo of the cluster; no silo ever opens a client's path.</summary>
/// <param name="session">The cluster.</param>
/// <param name="output">Where progress is shown.</param>
internal sealed class Uploads(ClusterSession session, ClientOutput output)
{
    /// <summary>Streams a dataset and waits until it is tokenised and stored.</summary>
    /// <exception cref="UserErrorException">The dataset is bad; it says where.</exception>
    public async Task<DatasetDescription> Dataset(DatasetSource source, CancellationToken cancellation)
    {
        var answer = await Send(
            (stream, progress) =>
            {
                var bundle = new BundleWriter(stream);
                source.Read(bundle, progress, cancellation);
                bundle.Complete();
            },
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

    private async Task<UploadAnswer> Send(
        Action<Stream, IProgress<long>> write,
        Func<IUpload, Task<UploadAnswer>> finish,
        (string Words, long Bytes) work,
        CancellationToken cancellation)
    {
        var silo = (await session.Silos(cancellation))[0];
        var upload = session.Grains.GetGrain<IUpload>(GrainKeys.Upload(silo.Name, Guid.NewGuid().ToString("N")));
        try
        {
            await ProgressBars.Run(output, work.Words, work.Bytes, progress => Task.Run(
                () =>
                {
                    // Writers are synchronous; this thread is theirs, so waiting for a piece to arrive blocks nobody.
                    using var pieces = new PieceStream(piece => session.Patience
                        .Call(() => upload.Append(piece), cancellation).GetAwaiter().GetResult());
                    write(pieces, progress);
                    pieces.Complete();
                },
                cancellation));
            return await Finish(() => finish(upload), cancellation);
        }
        catch
        {
            await Abandon(upload);
            throw;
        }
    }

    private async Task<UploadAnswer> Finish(Func<Task<UploadAnswer>> finish, CancellationToken cancellation)
    {
        while (true)
        {
            var answer = await session.Patience.Call(finish, cancellation);
            if (answer.Refusal is { } refusal)
                throw new UserErrorException(refusal);
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
}

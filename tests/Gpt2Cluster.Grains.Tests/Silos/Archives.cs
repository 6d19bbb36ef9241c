using System.Security.Cryptography;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Datasets;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Data.Models;
using Gpt2Cluster.Data.Models.HuggingFace;
using Gpt2Cluster.Data.Uploads;

namespace Gpt2Cluster.Grains.Tests.Silos;

/// <summary>What a client sends, and its sending.</summary>
internal static class Archives
{
    /// <summary>The shape of the models that are sent.</summary>
    public static readonly ModelShape Shape = new(50257, 8, 4, 1, 1);

    /// <summary>An archive of tokens, which are the dataset's.</summary>
    public static byte[] OfTokens(params ushort[] tokens)
    {
        using var archive = new MemoryStream();
        var writer = new DatasetUploadWriter(archive);
        writer.BeginDocument("tokens");
        writer.Tokens(tokens);
        writer.EndArray();
        writer.EndDocument();
        writer.Complete();
        return archive.ToArray();
    }

    /// <summary>An archive of a model whose parameters all have one value.</summary>
    public static byte[] OfModel(float value)
    {
        var folder = Directory.CreateTempSubdirectory("model").FullName;
        try
        {
            var model = Path.Combine(folder, "m");
            ModelFolderWriter.Write(model, new ParameterLayout(Shape), (_, into) => into.Fill(value));
            using var archive = new MemoryStream();
            ModelUpload.Write(ModelFile.InFolder(model), archive);
            return archive.ToArray();
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Sends an archive whole.</summary>
    public static async Task<IUpload> Send(this IGrainFactory grains, SiloName silo, byte[] archive)
    {
        var upload = grains.Upload(silo, Guid.NewGuid().ToString("N"));
        foreach (var (index, piece) in archive.Chunk(Piece.MaximumBytes).Index())
            Assert.Equal(index + 1, await upload.Append(new Piece(index, piece)));
        return upload;
    }

    /// <summary>Stores a dataset on a silo's disk.</summary>
    public static async Task<DatasetDescription> StoreDataset(
        this IGrainFactory grains, SiloName silo, params ushort[] tokens)
    {
        var upload = await grains.Send(silo, OfTokens(tokens));
        return (await upload.DatasetAnswer()).Dataset!;
    }

    /// <summary>Stores a model on a silo's disk.</summary>
    public static async Task StoreModel(this IGrainFactory grains, SiloName silo, string name, float value)
    {
        var upload = await grains.Send(silo, OfModel(value));
        Assert.Equal(name, (await upload.ModelAnswer(name)).Model);
    }

    /// <summary>What comes of an upload as a dataset.</summary>
    public static Task<UploadAnswer> DatasetAnswer(this IUpload upload) =>
        TwoSilos.Ask(() => upload.FinishDataset("a test"), answer => !answer.IsPending);

    /// <summary>What comes of an upload as a model.</summary>
    public static Task<UploadAnswer> ModelAnswer(this IUpload upload, string name) =>
        TwoSilos.Ask(() => upload.FinishModel(name), answer => !answer.IsPending);

    /// <summary>The name of a dataset by its own definition: the hash of its tokens.</summary>
    public static string HashOf(params ushort[] tokens) => Convert.ToHexStringLower(
        SHA256.HashData(System.Runtime.InteropServices.MemoryMarshal.AsBytes<ushort>(tokens)));
}

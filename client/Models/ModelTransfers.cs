using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Client.Output;
using Gpt2Cluster.Client.Upload;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Provenance;
using Gpt2Cluster.Data.Models;
using Gpt2Cluster.Data.Models.HuggingFace;
using Gpt2Cluster.Data.Tokens;
using Gpt2Cluster.LocalCluster;

namespace Gpt2Cluster.Client.Models;

/// <summary>
/// Brings models into the store. The silos of a local cluster read the client's own data folder, so there a model is
/// put where they look; to other clusters it is streamed.
/// </summary>
/// <param name="context">The command.</param>
/// <param name="session">The cluster; null when only the local store is meant.</param>
internal sealed class ModelTransfers(CommandContext context, ClusterSession? session)
{
    private const string TokenVariable = "HF_TOKEN";
    private const long Scale = 1_000;

    /// <summary>The hub's address: Hugging Face's own variable, then ours of before.</summary>
    private static readonly string[] HubVariables = ["HF_ENDPOINT", "GPT2CLUSTER_HUB"];

    /// <summary>The store on this machine's disk.</summary>
    public static ModelDirectory LocalStore(DataFolder folder) => new(Path.Combine(folder.Root, "models"));

    /// <summary>Puts a model of any format into the store.</summary>
    /// <param name="path">Where it lies.</param>
    /// <param name="name">Its name in the store; null for the folder's.</param>
    /// <param name="claim">What is said of where it comes from.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>Its name there.</returns>
    /// <exception cref="UserErrorException">The folder is no sound model, or the name is taken.</exception>
    public async Task<string> Import(string path, string? name, OriginClaim claim, CancellationToken cancellation)
    {
        using var model = ModelFormats.Open(path);
        var stored = name ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));
        return await Import(model, stored, StoredOrigin.OfBrought(model, stored, claim), cancellation);
    }

    /// <summary>Puts a model that is open into the store.</summary>
    /// <param name="model">The model.</param>
    /// <param name="name">Its name in the store.</param>
    /// <param name="origin">Where it comes from.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>Its name there.</returns>
    /// <exception cref="UserErrorException">Its vocabulary cannot be used, or the name is taken.</exception>
    public async Task<string> Import(IModelReader model, string name, Origin origin, CancellationToken cancellation)
    {
        var files = new ModelFiles(model, origin);
        if (session is not null && context.Choices.Cluster is not LocalAddress)
        {
            VocabularyProbe.CheckBrought(model.ReadVocabulary(), model.Shape.VocabularySize, model.Path);
            return await new Uploads(session, context.Output).Model(files, name, cancellation);
        }

        var stored = "";
        context.Choices.DataFolder.Create();
        await ProgressBars.Run(context.Output, $"importing {model.Path}", files.Bytes, progress => Task.Run(
            () => stored = LocalStore(context.Choices.DataFolder)
                .Import(model, name, origin, progress, cancellation).Name,
            cancellation));
        return stored;
    }

    /// <summary>Fetches a model into the store.</summary>
    /// <param name="name">One of OpenAI's sizes, <c>hf:OWNER/MODEL</c> or <c>openai:SIZE</c>.</param>
    /// <param name="cancellation">Stops; what is here stays for the next call.</param>
    /// <returns>Its name there.</returns>
    /// <exception cref="UserErrorException">There is no such model, or it cannot be fetched.</exception>
    public async Task<string> Pull(string name, CancellationToken cancellation)
    {
        var model = RemoteModel.Parse(name, HubAddress());
        context.Choices.DataFolder.Create();
        var target = LocalStore(context.Choices.DataFolder).PathOf(model.Name);
        if (!Directory.Exists(target))
            await Fetch(model, target, cancellation);
        if (session is not null && context.Choices.Cluster is not LocalAddress)
            await Import(target, model.Name, new OriginClaim(), cancellation);
        return model.Name;
    }

    private async Task Fetch(RemoteModel model, string target, CancellationToken cancellation)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        var weightsBytes = model.Shape is { } shape ? sizeof(float) * new ParameterLayout(shape).Length : Scale;
        using var download = new HubDownload(Token(), context.Time);
        await ProgressBars.Run(context.Output, $"fetching {model.Name}", weightsBytes, progress =>
            download.FetchAsync(model, target, new Weights(progress, model.Shape is not null), cancellation));
    }

    private static string? Token()
    {
        var token = Environment.GetEnvironmentVariable(TokenVariable)?.Trim();
        if (string.IsNullOrEmpty(token))
            return null;
        return token.All(character => character is > ' ' and < '\u007f')
            ? token
            : throw new UserErrorException($"{TokenVariable} holds characters that no token has; copy it again.");
    }

    private static Uri? HubAddress()
    {
        foreach (var variable in HubVariables)
        {
            if (Environment.GetEnvironmentVariable(variable) is not { Length: > 0 } text)
                continue;
            return Uri.TryCreate(text, UriKind.Absolute, out var address) && address.Scheme is "http" or "https"
                ? address
                : throw new UserErrorException(
                    $"{variable} must be an address such as {RemoteModel.DefaultHub}, not '{text}'.");
        }

        return null;
    }

    /// <summary>
    /// The weights are what takes time. Of a model whose size is not known before, the file in work is shown.
    /// </summary>
    private sealed class Weights(IProgress<long> progress, bool isSizeKnown) : IProgress<HubProgress>
    {
        public void Report(HubProgress value)
        {
            if (value.FileName.EndsWith(".json", StringComparison.Ordinal))
                return;
            if (isSizeKnown)
                progress.Report(value.Bytes);
            else if (value.TotalBytes > 0)
                progress.Report((long)(Scale * ((double)value.Bytes / value.TotalBytes)));
        }
    }
}

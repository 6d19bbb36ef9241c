using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Client.LocalCluster;
using Gpt2Cluster.Client.Output;
using Gpt2Cluster.Client.Upload;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Data.Models;
using Gpt2Cluster.Data.Models.HuggingFace;

namespace Gpt2Cluster.Client.Models;

/// <summary>
/// Brings models into the store. The silos of a local cluster read the client's own data folder, so there a model is
/// put where they look; to other clusters it is streamed.
/// </summary>
/// <param name="context">The command.</param>
/// <param name="session">The cluster; null when only the local store is meant.</param>
internal sealed class ModelTransfers(CommandContext context, ClusterSession? session)
{
    private const string HubVariable = "GPT2CLUSTER_HUB";

    /// <summary>The store on this machine's disk.</summary>
    public static ModelDirectory LocalStore(DataFolder folder) => new(Path.Combine(folder.Root, "models"));

    /// <summary>Puts a model of any format into the store.</summary>
    /// <returns>Its name there.</returns>
    /// <exception cref="UserErrorException">The folder is no sound model, or the name is taken.</exception>
    public async Task<string> Import(string path, string? name, CancellationToken cancellation)
    {
        using var model = ModelFormats.Open(path);
        _ = model.ReadVocabulary();
        var files = new ModelFiles(model);
        if (session is not null && context.Choices.Cluster is not LocalAddress)
            return await new Uploads(session, context.Output).Model(files, name ?? files.Name, cancellation);

        var stored = "";
        context.Choices.DataFolder.Create();
        await ProgressBars.Run(context.Output, $"importing {path}", files.Bytes, progress => Task.Run(
            () => stored = LocalStore(context.Choices.DataFolder).Import(path, name, progress, cancellation).Name,
            cancellation));
        return stored;
    }

    /// <summary>Fetches one of OpenAI's models from the hub into the store.</summary>
    /// <returns>Its name there.</returns>
    /// <exception cref="UserErrorException">The name is none of them, or the hub cannot be reached.</exception>
    public async Task<string> Pull(string name, CancellationToken cancellation)
    {
        var model = Presets.FindPublished(name) ?? throw new UserErrorException(
            $"'{name}' is none of the models that can be pulled: "
            + $"{string.Join(", ", Presets.Published.Select(known => known.Name))}.");
        context.Choices.DataFolder.Create();
        var target = LocalStore(context.Choices.DataFolder).PathOf(model.Name);
        if (!Directory.Exists(target))
            await Fetch(model, target, cancellation);
        if (session is not null && context.Choices.Cluster is not LocalAddress)
            await Import(target, model.Name, cancellation);
        return model.Name;
    }

    private async Task Fetch(Preset model, string target, CancellationToken cancellation)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        var hub = Environment.GetEnvironmentVariable(HubVariable) is { Length: > 0 } address
            ? HubAddress(address)
            : null;
        var weightsBytes = 4 * new ParameterLayout(model.Shape).Length;
        using var download = new HubDownload(hub, context.Time);
        await ProgressBars.Run(context.Output, $"fetching {model.Name}", weightsBytes, progress =>
            download.FetchAsync(model, target, new Weights(progress), cancellation));
    }

    private static Uri HubAddress(string text) => Uri.TryCreate(text, UriKind.Absolute, out var address)
        ? address
        : throw new UserErrorException(
            $"{HubVariable} must be an address such as https://huggingface.co, not '{text}'.");

    /// <summary>Of the four files, the weights are what takes time.</summary>
    private sealed class Weights(IProgress<long> progress) : IProgress<HubProgress>
    {
        public void Report(HubProgress value)
        {
            if (value.FileName == ModelFolder.WeightsFileName)
                progress.Report(value.Bytes);
        }
    }
}

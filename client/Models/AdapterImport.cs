using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Client.Models.Exports;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Provenance;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Data.Models;
using Gpt2Cluster.Data.Models.Exports;
using Gpt2Cluster.Data.Models.HuggingFace;
using Gpt2Cluster.Data.Models.Peft;

namespace Gpt2Cluster.Client.Models;

/// <summary>Brings PEFT's adapters into the store, merged into the model that they belong to.</summary>
/// <param name="context">The command.</param>
/// <param name="session">The cluster; null when only the local store is meant.</param>
internal sealed class AdapterImport(CommandContext context, ClusterSession? session)
{
    /// <summary>The model that adapters are added to, as a user would name it.</summary>
    /// <param name="folder">The adapters' folder.</param>
    /// <param name="wish">What the user names; null for what the adapters say.</param>
    /// <exception cref="UserErrorException">Nobody names one, or the adapters cannot be used.</exception>
    public static string BaseOf(string folder, string? wish) =>
        (wish ?? PeftAdapter.BaseModelOf(folder)) is { Length: > 0 } name
            ? name
            : throw new UserErrorException(
                $"{Path.Combine(folder, PeftAdapter.ConfigurationFileName)} names no base_model_name_or_path; name the "
                + "model that the adapters belong to with --base.");

    /// <summary>Puts adapters and the model they belong to into the store as one.</summary>
    /// <param name="path">The adapters' folder.</param>
    /// <param name="name">Its name in the store; null for the folder's.</param>
    /// <param name="wish">
    /// <c>--base</c>; null for what the adapters say, which is looked up in the store and then on the hub.
    /// </param>
    /// <param name="claim">What is said of where it comes from.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>Its name there.</returns>
    /// <exception cref="UserErrorException">The adapters cannot be used, or their model is not found.</exception>
    public async Task<string> Run(
        string path, string? name, string? wish, OriginClaim claim, CancellationToken cancellation)
    {
        var folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        var stored = name ?? Path.GetFileName(folder);
        var source = wish is null
            ? await Found(folder, BaseOf(folder, null), cancellation)
            : await Brought(wish, cancellation);
        var scratch = Path.Combine(Path.GetTempPath(), $"gpt2cluster-{Guid.NewGuid():N}");
        using var folders = new StoredFolders(context, session, scratch);
        var opened = await new ExportSource(session, folders).Open(ExportName.Parse(source), cancellation);
        using var baseModel = opened.Weights;
        using var model = new AdaptedModel(folder, baseModel);
        context.Output.WriteMessage($"the adapters of {path} are added to {source}");
        var origin = StoredOrigin.Claimed(OriginOf(folder, stored, source, opened), folder, claim);
        return await new ModelTransfers(context, session).Import(model, stored, origin, cancellation);
    }

    /// <summary>What the user names, brought into the store where it is a model to be fetched.</summary>
    private async Task<string> Brought(string name, CancellationToken cancellation)
    {
        var isRemote = name.StartsWith(RemoteModel.HubPrefix, StringComparison.Ordinal)
            || name.StartsWith(RemoteModel.OpenAiPrefix, StringComparison.Ordinal);
        var isKnown = Presets.FindPublished(name) is not null && !await IsStored(Presets.Canonical(name), cancellation);
        return isRemote || isKnown ? await new ModelTransfers(context, session).Pull(name, cancellation) : name;
    }

    /// <summary>What the adapters name: in the store, under the names that it has there, or on the hub.</summary>
    private async Task<string> Found(string folder, string name, CancellationToken cancellation)
    {
        if (ModelNames.RunOf(name) is not null)
            return name;
        var known = Presets.Published.FirstOrDefault(preset => preset.Repository == name || preset.IsCalled(name));
        foreach (var candidate in new[] { known?.Name ?? name, name.Replace("/", "--", StringComparison.Ordinal) })
        {
            if (RunName.Error(candidate) is null && await IsStored(candidate, cancellation))
                return candidate;
        }

        var remote = known?.Name ?? RemoteModel.HubPrefix + name;
        try
        {
            _ = RemoteModel.Parse(remote);
            return await new ModelTransfers(context, session).Pull(remote, cancellation);
        }
        catch (UserErrorException problem)
        {
            throw new UserErrorException(
                $"{Path.Combine(folder, PeftAdapter.ConfigurationFileName)} names {name} as base_model_name_or_path, "
                + $"which is not in the store and cannot be fetched ({problem.Message.TrimEnd('.')}); name the model "
                + "with --base.",
                problem);
        }
    }

    private async Task<bool> IsStored(string name, CancellationToken cancellation) => session is null
        ? ModelTransfers.LocalStore(context.Choices.DataFolder).List().Any(model => model.Name == name)
        : (await StoredModels.All(session, cancellation)).Any(model => model.Name == name);

    /// <summary>The adapters' own record if they bring one, which must be of that model; else a new one.</summary>
    private static Origin OriginOf(string folder, string name, string source, ExportedModel opened)
    {
        var recorded = OriginReader.Read(folder);
        if (recorded is null)
            return new Origin { Name = name, Base = opened.Origin };
        RecordedWeights.Verify(folder, recorded);
        string?[] expected = [recorded.Base?.WeightsSha256, recorded.Base?.Sha256];
        string?[] found = [.. opened.FoundHashes, opened.Origin.WeightsSha256, opened.Origin.Sha256];
        var hashes = expected.OfType<string>().ToList();
        return hashes.Count == 0 || hashes.Intersect(found).Any()
            ? recorded
            : throw new UserErrorException(
                $"The adapters of {folder} were trained on {recorded.Base!.Name} with the hash {hashes[0]}, and "
                + $"{source} has other weights; name the right model with --base.");
    }
}

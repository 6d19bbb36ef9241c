using System.Security.Cryptography;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Data.Models;
using Gpt2Cluster.Data.Models.HuggingFace;

namespace Gpt2Cluster.Client.Models;

/// <summary>Finds the model a user names, and brings it to the cluster if it is not there.</summary>
/// <param name="context">The command.</param>
internal sealed class ModelResolver(CommandContext context)
{
    /// <summary>Characters of a folder's hash in its name in the store.</summary>
    private const int HashCharacters = 12;

    /// <summary>What can be known of a model before a cluster is reached; null if nothing can.</summary>
    /// <exception cref="UserErrorException">There is no such preset, or the folder is no sound model.</exception>
    public ModelReference? Preview(string model)
    {
        if (ModelNames.IsScratch(model))
            return new ModelReference(model, Presets.Scratch(model).Shape);
        if (ModelNames.RunOf(model) is not null)
            return null;
        if (Presets.FindPublished(model) is { } known)
            return new ModelReference(known.Name, known.Shape);

        // The store comes before a folder of that name. A local cluster's lies on this disk; others are asked later.
        var isLocal = context.Choices.Cluster is LocalAddress;
        if (isLocal && StoredHere(model) is { } stored)
            return stored.Shape is { } shape ? new ModelReference(model, shape) : null;
        if (IsName(model) && !isLocal)
            return null;
        if (!Directory.Exists(model))
            throw ModelNames.Unknown(model);
        using var folder = ModelFormats.Open(model);
        return new ModelReference(model, folder.Shape);
    }

    /// <summary>The model, present in the cluster.</summary>
    /// <exception cref="UserErrorException">It is nowhere.</exception>
    /// <exception cref="ClientException">It is a run that does not exist or has no checkpoint.</exception>
    public async Task<ModelReference> Resolve(ClusterSession session, string model, CancellationToken cancellation)
    {
        if (ModelNames.IsScratch(model))
            return new ModelReference(model, Presets.Scratch(model).Shape);
        if (ModelNames.RunOf(model) is { } run)
            return await OfRun(session, model, run, cancellation);
        var name = Presets.Canonical(model);
        if (await Stored(session, name, cancellation) is { } stored)
            return stored;
        if (Directory.Exists(model))
            return await OfFolder(session, model, cancellation);
        if (Presets.FindPublished(name) is null)
            throw ModelNames.Unknown(model);
        await new ModelTransfers(context, session).Pull(name, cancellation);
        return await Stored(session, name, cancellation)
            ?? throw new ClientException(ExitCodes.Failed, $"The model {name} was fetched, but no silo has it.");
    }

    /// <summary>
    /// The model with the hash it has now: every worker of a run starts from these weights, whatever becomes of the
    /// name.
    /// </summary>
    /// <exception cref="UserErrorException">It is nowhere.</exception>
    /// <exception cref="ClientException">It is a run that does not exist or has no checkpoint.</exception>
    public async Task<ModelReference> Pin(ClusterSession session, string model, CancellationToken cancellation)
    {
        var found = await Resolve(session, model, cancellation);
        if (found.IsScratch || found.Sha256 is not null)
            return found;
        var stored = (await StoredModels.All(session, cancellation)).First(one => one.Name == found.Name);
        var store = session.Grains.Store(stored.Silos[0]);
        var path = $"models/{found.Name}/{ModelFolder.WeightsFileName}";
        return found with { Sha256 = await StoredModels.Hash(session, store, path, cancellation) };
    }

    private StoredModel? StoredHere(string model) =>
        ModelTransfers.LocalStore(context.Choices.DataFolder).List().FirstOrDefault(one => one.Name == model);

    private static bool IsName(string model) => RunName.Error(model) is null;

    private static async Task<ModelReference> OfRun(
        ClusterSession session, string model, RunName run, CancellationToken cancellation)
    {
        var grain = session.Grains.Run(run);
        var description = await session.Retries.Call(grain.Describe, cancellation)
            ?? throw ClientException.NoSuchRun(run);
        var newest = description.Record.NewestCheckpoint
            ?? throw new ClientException(ExitCodes.NotFound, $"The run {run} has no checkpoint yet.");
        var start = description.Record.Specification.Model;
        return new ModelReference(model, start.Shape, newest.StateHash, newest.Step, start.Vocabulary);
    }

    private static async Task<ModelReference?> Stored(
        ClusterSession session, string name, CancellationToken cancellation)
    {
        var models = await StoredModels.All(session, cancellation);
        return models.FirstOrDefault(model => model.Name == name) is { } found
            ? new ModelReference(name, found.Shape)
            : null;
    }

    /// <summary>
    /// A folder lies in the store under its own name and the beginning of the hash of the weights that it has there, so
    /// that it is sent once.
    /// </summary>
    private async Task<ModelReference> OfFolder(ClusterSession session, string path, CancellationToken cancellation)
    {
        string hash;
        using (var opened = ModelFormats.Open(path))
        await using (var weights = opened.Files.First(file => file.Name == ModelFolder.WeightsFileName).Open())
            hash = Convert.ToHexStringLower(await SHA256.HashDataAsync(weights, cancellation));
        var folder = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));
        var name = $"{(IsName(folder) ? folder : "model")}-{hash[..HashCharacters]}";
        var found = await Stored(session, name, cancellation);
        if (found is null)
        {
            await new ModelTransfers(context, session).Import(path, name, new OriginClaim(), cancellation);
            found = await Stored(session, name, cancellation)
                ?? throw new ClientException(ExitCodes.Failed, $"The model {name} was sent, but no silo has it.");
        }

        return found with { Sha256 = hash };
    }
}

using System.Security.Cryptography;
using Gpt2Cluster.Client.Commands;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Provenance;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Core.Threads;
using Gpt2Cluster.Data.Models;
using Gpt2Cluster.Data.Models.Exports;
using Gpt2Cluster.Data.Models.HuggingFace;
using Gpt2Cluster.Data.Models.Peft;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Client.Models.Exports;

/// <summary>Opens what is to be exported, wherever it lies: a folder, the store, a run's checkpoint.</summary>
/// <param name="session">The cluster; null when only this machine's store and folders are meant.</param>
/// <param name="folders">Brings the store's folders here.</param>
internal sealed class ExportSource(ClusterSession? session, StoredFolders folders)
{
    private static readonly string[] CheckpointFiles =
        [CheckpointManifest.FileName, CheckpointModel.ParametersFileName];

    /// <summary>Opens a model or a run's checkpoint.</summary>
    /// <exception cref="UserErrorException">It is nowhere, or not sound.</exception>
    /// <exception cref="ClientException">There is no such run or checkpoint.</exception>
    public Task<ExportedModel> Open(ExportName name, CancellationToken cancellation) =>
        name.Run is { } run ? OpenRun(run, name.Checkpoint, cancellation) : OpenModel(name.Model!, cancellation);

    private async Task<ExportedModel> OpenModel(string model, CancellationToken cancellation)
    {
        var name = Presets.Canonical(model);
        var folder = RunName.Error(name) is null ? await StoredModel(name, null, cancellation) : null;
        if (folder is null && !Directory.Exists(model))
        {
            throw Presets.FindPublished(name) is not null
                ? new UserErrorException($"The model {name} is not in the store; 'model pull {name}' brings it.")
                : ModelNames.Unknown(model);
        }

        var path = folder ?? Path.TrimEndingDirectorySeparator(Path.GetFullPath(model));
        var hash = await HashOf(path);
        var opened = ModelFormats.Open(path);
        try
        {
            return new ExportedModel(opened, opened.ReadVocabulary(), OriginOf(opened, name, folder, hash))
            {
                FoundHashes = hash is null ? [] : [hash],
                Adapter = folder is not null && PeftAdapter.IsIn(folder)
                    ? PeftAdapter.Read(folder, opened.Shape)
                    : null,
            };
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    private static Origin OriginOf(IModelReader model, string name, string? folder, string? hash)
    {
        if (folder is null)
        {
            var brought = StoredOrigin.OfBrought(model, Path.GetFileName(model.Path), new OriginClaim());
            return brought with { Sha256 = brought.Sha256 ?? hash };
        }

        var origin = StoredOrigin.Of(name, folder, hash);
        return origin.WeightsSha256 is null || origin.WeightsSha256 == hash
            ? origin
            : throw new UserErrorException(
                $"The weights of the model {name} in the store are not those that were stored: they were changed or "
                + "damaged since; import it again.");
    }

    private async Task<ExportedModel> OpenRun(RunName run, string wish, CancellationToken cancellation)
    {
        var description = await RunCalls.Describe(session!, run, cancellation);
        var chosen = Choose(description.Record, wish);
        return await OpenCheckpoint(run, chosen.Step, chosen.StateHash, cancellation) ?? throw new ClientException(
            ExitCodes.NotFound,
            $"No silo that can be reached holds the checkpoint of step {chosen.Step} of the run {run}.");
    }

    private async Task<ExportedModel?> OpenCheckpoint(
        RunName run, long step, string stateHash, CancellationToken cancellation)
    {
        var relative = $"runs/{run}/checkpoints/{step:D8}";
        var folder = await folders.Bring(
            relative, CheckpointFiles, copy => CheckpointFault(copy, stateHash), cancellation);
        if (folder is null)
            return null;
        var manifest = CheckpointModel.ReadManifest(folder);
        var specification = manifest.Record.Specification;
        var start = await OpenStart(specification, manifest.FrozenHash is not null, cancellation);
        var vocabulary = await Vocabulary(specification.Model, cancellation);
        var model = CheckpointModel.Open(folder, start.Weights, vocabulary);
        return new ExportedModel(model, vocabulary, await Origins.OfRun(session!, manifest, start.Origin))
        {
            FoundHashes = [stateHash, .. start.FoundHashes],
            Adapter = specification.Lora is { } options
                ? new AdapterWeights(
                    options,
                    model.Parameters.Trained,
                    model.ReadTrained,
                    ModelCardBase(start.Origin, specification.Model.Name))
                : null,
        };
    }

    /// <summary>The vocabulary that a run was begun with.</summary>
    private async Task<Gpt2Vocabulary> Vocabulary(ModelReference model, CancellationToken cancellation)
    {
        if (model.Vocabulary is not { } sha256)
            return Gpt2Vocabulary.BuiltIn;
        var folder = await folders.Bring(
            $"{VocabularyDirectory.FolderName}/{sha256}", [VocabularyDirectory.FileName], _ => null, cancellation);
        return folder is not null
            ? VocabularyDirectory.Open(folder, sha256)
            : throw new UserErrorException(
                $"The run began with a vocabulary of {model.Name} that no silo that can be reached has any more; start "
                + "one that has served the run.");
    }

    /// <summary>What a run began with: its weights where they are needed, its origin.</summary>
    private async Task<Start> OpenStart(
        RunSpecification specification, bool needsWeights, CancellationToken cancellation)
    {
        var model = specification.Model;
        if (model.IsScratch)
        {
            var fresh = needsWeights ? new ScratchModel(model.Shape, specification.Seed) : null;
            return new Start(fresh, new Origin { Name = model.Name, Seed = specification.Seed });
        }

        if (model.BaseRun is { } run)
            return await OpenStartRun(run, model, needsWeights, cancellation);
        var folder = await StoredModel(model.Name, needsWeights ? model.Sha256 : null, cancellation);
        if (folder is null && needsWeights)
        {
            throw new UserErrorException(
                $"The run began with the model {model.Name}, which no silo that can be reached has any more; "
                + "import it again under that name.");
        }

        // A record of other weights is of another model, which has taken the name since.
        var origin = StoredOrigin.Of(model.Name, folder, model.Sha256);
        return new Start(
            needsWeights ? ModelFormats.Open(folder!) : null,
            origin.WeightsSha256 is null || origin.WeightsSha256 == model.Sha256
                ? origin
                : new Origin { Name = model.Name, Sha256 = model.Sha256 })
        {
            FoundHashes = needsWeights && model.Sha256 is { } found ? [found] : [],
        };
    }

    private async Task<Start> OpenStartRun(
        RunName run, ModelReference model, bool needsWeights, CancellationToken cancellation)
    {
        var opened = await OpenCheckpoint(run, model.Step!.Value, model.Sha256!, cancellation);
        if (opened is null && needsWeights)
        {
            throw new UserErrorException(
                $"The run began with step {model.Step} of the run {run}, whose checkpoint no silo that can be reached "
                + "has any more.");
        }

        if (opened is null)
        {
            var gone = new Origin { Name = model.Name, Run = run.ToString(), Step = model.Step, Sha256 = model.Sha256 };
            return new Start(null, gone);
        }

        if (!needsWeights)
            opened.Weights.Dispose();
        return new Start(needsWeights ? opened.Weights : null, opened.Origin) { FoundHashes = opened.FoundHashes };
    }

    /// <summary>A stored model's folder on this machine; null if there is none.</summary>
    private async Task<string?> StoredModel(string name, string? sha256, CancellationToken cancellation) =>
        await folders.Bring(
            $"models/{Presets.Canonical(name)}",
            ModelFolder.FileNames,
            copy => sha256 is null || HashOf(copy).WaitHere() == sha256
                ? null
                : $"the model {name} has other weights than the run began with",
            cancellation);

    private static string ModelCardBase(Origin start, string name) =>
        Presets.FindPublished(start.Name)?.Repository ?? name;

    private static string? CheckpointFault(string folder, string stateHash)
    {
        try
        {
            var manifest = CheckpointModel.ReadManifest(folder);
            if (manifest.StateHash != stateHash)
                return "it is a checkpoint of another run of that name";
            var expected = manifest.Files.First(file => file.Name == CheckpointModel.ParametersFileName).Sha256;
            return Hash(Path.Combine(folder, CheckpointModel.ParametersFileName)).WaitHere() == expected
                ? null
                : "its parameters do not have the manifest's hash";
        }
        catch (Exception problem) when (problem is IOException or UserErrorException or InvalidOperationException)
        {
            return problem.Message.TrimEnd('.');
        }
    }

    /// <summary>SHA-256 of a folder's weights; null where they are not in the store's one file.</summary>
    private static async Task<string?> HashOf(string folder)
    {
        var weights = Path.Combine(folder, ModelFolder.WeightsFileName);
        return File.Exists(weights) ? await Hash(weights) : null;
    }

    private static async Task<string> Hash(string path)
    {
        await using var file = File.OpenRead(path);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(file));
    }

    private static CheckpointEntry Choose(RunRecord run, string wish)
    {
        var name = run.Specification.Run;
        return run.Checkpoint(wish) ?? throw new ClientException(ExitCodes.NotFound, run.Checkpoints.Count == 0
            ? $"The run {name} has no checkpoint yet."
            : wish == "best"
                ? $"The run {name} has no best checkpoint, as it was not validated; use @last."
                : $"The run {name} has no checkpoint of step {wish}; it has those of "
                    + $"{string.Join(", ", run.Checkpoints.Reverse().Select(entry => entry.Step))}.");
    }

    private sealed record Start(IModelReader? Weights, Origin Origin)
    {
        public IReadOnlyList<string> FoundHashes { get; init; } = [];
    }
}

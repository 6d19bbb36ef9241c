using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Data.Models;
using Gpt2Cluster.Data.Models.HuggingFace;
using Gpt2Cluster.Data.Tokens;
using Piece = Gpt2Cluster.Contracts.Datasets.Piece;

namespace Gpt2Cluster.Client.Models;

/// <summary>The vocabulary of a model that a user names: texts and prompts become its tokens.</summary>
/// <param name="context">The command.</param>
internal sealed class ModelVocabularies(CommandContext context)
{
    /// <summary>What is said where a vocabulary has no end-of-text token.</summary>
    public const string NoEndOfText =
        "The model's vocabulary has no end-of-text token: documents follow one another with nothing between, a text "
        + "without a prompt begins with a line's end, and texts end at their length.";

    private static readonly string[] ModelFiles = [ModelConfiguration.FileName, .. ModelFolder.VocabularyFileNames];

    /// <summary>The vocabulary as far as this machine knows it; null where a cluster must be asked.</summary>
    /// <exception cref="UserErrorException">The model's files hold none that can be used.</exception>
    public Gpt2Vocabulary? Preview(string model)
    {
        if (ModelNames.IsScratch(model))
            return Gpt2Vocabulary.BuiltIn;
        if (ModelNames.RunOf(model) is not null)
            return null;
        var isLocal = context.Choices.Cluster is LocalAddress;
        if (isLocal && ModelTransfers.LocalStore(context.Choices.DataFolder).Find(model) is { } found)
            return OfFolder(found);
        if (!isLocal && RunName.Error(model) is null)
            return null;
        return Directory.Exists(model) ? OfFolder(model) : Gpt2Vocabulary.BuiltIn;
    }

    /// <summary>The vocabulary of a model that is in the cluster.</summary>
    /// <param name="session">The cluster.</param>
    /// <param name="model">The model, resolved.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="UserErrorException">It cannot be used.</exception>
    /// <exception cref="ClientException">No silo has it.</exception>
    public static async Task<Gpt2Vocabulary> Of(
        ClusterSession session, ModelReference model, CancellationToken cancellation)
    {
        if (model.IsScratch)
            return Gpt2Vocabulary.BuiltIn;
        if (model.BaseRun is not null)
            return await OfRun(session, model, cancellation);
        using var folder = new TemporaryFiles();
        await Copy(session, $"models/{Presets.Canonical(model.Name)}", ModelFiles, folder.Path, cancellation);
        return ModelFolder.ReadVocabulary(folder.Path);
    }

    /// <summary>The vocabulary of a model that a user names, wherever it is; asks a cluster only if it must.</summary>
    /// <exception cref="UserErrorException">There is no such model, or its vocabulary cannot be used.</exception>
    /// <exception cref="ClientException">The cluster is out of reach, or no silo has it.</exception>
    public async Task<Gpt2Vocabulary> Find(string model, CancellationToken cancellation)
    {
        _ = new ModelResolver(context).Preview(model);
        if (Preview(model) is { } known)
            return known;
        await using var session = await ClusterSession.Open(context, cancellation);
        return await Ask(session, model, cancellation);
    }

    /// <summary>The vocabulary of a model that a user names, from a cluster; no weights are fetched for it.</summary>
    /// <exception cref="UserErrorException">There is no such model, or its vocabulary cannot be used.</exception>
    /// <exception cref="ClientException">No silo has it.</exception>
    public async Task<Gpt2Vocabulary> Ask(ClusterSession session, string model, CancellationToken cancellation)
    {
        var name = Presets.Canonical(model);
        if (Presets.FindPublished(model) is not null
            && (await StoredModels.All(session, cancellation)).All(stored => stored.Name != name))
            return Gpt2Vocabulary.BuiltIn;
        return await Of(session, await new ModelResolver(context).Resolve(session, model, cancellation), cancellation);
    }

    private static Gpt2Vocabulary OfFolder(string path)
    {
        using var opened = ModelFormats.Open(path);
        return opened.ReadVocabulary();
    }

    private static async Task<Gpt2Vocabulary> OfRun(
        ClusterSession session, ModelReference model, CancellationToken cancellation)
    {
        if (model.Vocabulary is not { } sha256)
            return Gpt2Vocabulary.BuiltIn;
        using var folder = new TemporaryFiles();
        var relative = $"{VocabularyDirectory.FolderName}/{sha256}";
        if (await Copy(session, relative, [VocabularyDirectory.FileName], folder.Path, cancellation))
            return VocabularyDirectory.Open(folder.Path, sha256);
        throw new ClientException(
            ExitCodes.Failed,
            $"No silo that can be reached has the vocabulary of {model.Name}; start one that has served the run.");
    }

    /// <summary>Copies small files of a stored folder from the first silo that has it.</summary>
    /// <returns>False where none has.</returns>
    private static async Task<bool> Copy(
        ClusterSession session, string relative, string[] names, string target, CancellationToken cancellation)
    {
        foreach (var silo in await session.Silos(cancellation))
        {
            var store = session.Grains.Store(silo.Name);
            var files = (await session.Retries.Call(() => store.Files(relative), cancellation))
                .Where(file => names.Contains(Path.GetFileName(file.RelativePath)))
                .ToList();
            foreach (var file in files)
            {
                await using var copy = File.Create(Path.Combine(target, Path.GetFileName(file.RelativePath)));
                while (copy.Position < file.Length)
                {
                    var bytes = await session.Retries.Call(
                        () => store.Read(file.RelativePath, copy.Position, Piece.MaximumBytes), cancellation);
                    if (bytes.Length == 0)
                    {
                        throw new ClientException(
                            ExitCodes.Failed, $"{file.RelativePath} of {silo.Name} is cut short; try again.");
                    }

                    await copy.WriteAsync(bytes, cancellation);
                }
            }

            if (files.Count > 0)
                return true;
        }

        return false;
    }

    /// <summary>A folder that is gone afterwards.</summary>
    private sealed class TemporaryFiles : IDisposable
    {
        public string Path { get; } = Directory.CreateTempSubdirectory("gpt2cluster-").FullName;

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}

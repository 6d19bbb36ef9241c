using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Models;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Housekeeping;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Threads;
using Gpt2Cluster.Data.Datasets;
using Gpt2Cluster.Data.Models;
using Gpt2Cluster.Data.Models.Exports;
using Gpt2Cluster.Data.Models.HuggingFace;
using Gpt2Cluster.Data.Storage;
using Gpt2Cluster.Data.Tokens;
using Gpt2Cluster.Grains.Checkpoints;
using Gpt2Cluster.Grains.Datasets;
using Gpt2Cluster.Grains.Placement;
using Microsoft.Extensions.Logging;
using Orleans.Concurrency;
using DatasetDescription = Gpt2Cluster.Contracts.Datasets.DatasetDescription;
using StoredModel = Gpt2Cluster.Contracts.Models.StoredModel;

namespace Gpt2Cluster.Grains.Models;

/// <summary>
/// The models, checkpoints and datasets on this silo's disk. Reads go on while something is copied here.
/// </summary>
[SiloPinned, Reentrant]
public partial class ModelStoreGrain(
    SiloContext silo,
    IDataDisk disk,
    StoredPaths paths,
    DatasetDirectory datasets,
    CheckpointStore checkpoints,
    FileHashes hashes,
    DiskRemoval removal,
    TimeProvider time,
    ILogger<ModelStoreGrain> logger)
    : Grain, IModelStore
{
    private readonly PendingOperations<CopyAnswer> copies = new(time);
    private readonly PendingOperations<HashAnswer> hashing = new(time);
    private readonly PendingOperations<FoundDataset> verifying = new(time);
    private readonly VocabularyDirectory vocabularies =
        new(Path.Combine(silo.DataFolder, VocabularyDirectory.FolderName));

    /// <inheritdoc/>
    public Task<StoredModel[]> List()
    {
        var models = new List<StoredModel>();
        var folder = Path.Combine(silo.DataFolder, "models");
        foreach (var path in Directory.EnumerateDirectories(folder))
        {
            if (StoredPaths.IsName(Path.GetFileName(path)) && Describe(path) is { } model)
                models.Add(model);
        }

        return Task.FromResult<StoredModel[]>([.. models.OrderBy(model => model.Name, StringComparer.Ordinal)]);
    }

    /// <inheritdoc/>
    public Task<ModelOnDisk?> ShowModel(string name)
    {
        var path = paths.FolderOf($"models/{name}");
        return DedicatedThread.Run("show model", () => Directory.Exists(path) ? Show(name, path) : null);
    }

    /// <inheritdoc/>
    public Task<StoredFile[]> Files(string relativeFolder) => Task.FromResult<StoredFile[]>(
    [
        .. disk.FilesIn(paths.FolderOf(relativeFolder))
            .Select(file => new StoredFile($"{relativeFolder}/{file.Name}", file.Bytes)),
    ]);

    /// <inheritdoc/>
    public async Task<byte[]> Read(string relativePath, long start, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        await using var file = disk.OpenRead(paths.FileOf(relativePath));
        file.Position = Math.Min(start, file.Length);
        var most = Math.Min(count, Contracts.Datasets.Piece.MaximumBytes);
        var bytes = new byte[Math.Min(most, file.Length - file.Position)];
        var have = await file.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false);
        return have == bytes.Length ? bytes : bytes[..have];
    }

    /// <inheritdoc/>
    public Task<HashAnswer> Hash(string relativePath)
    {
        var path = paths.FileOf(relativePath);
        return hashing.Ask(relativePath, OfFile, new HashAnswer(IsDone: false));

        async Task<HashAnswer> OfFile()
        {
            var isModel = relativePath.StartsWith("models/", StringComparison.Ordinal);
            try
            {
                return new HashAnswer(IsDone: true, await (isModel ? hashes.OfModel(path) : FileHashes.Of(disk, path)));
            }
            catch (Exception problem) when (problem is FileNotFoundException or DirectoryNotFoundException)
            {
                return new HashAnswer(IsDone: true);
            }
        }
    }

    /// <inheritdoc/>
    public Task<DatasetDescription?> Dataset(string hash) => Task.FromResult(
        datasets.Contains(hash) ? StoredDatasets.Describe(datasets.Describe(hash), silo.Name) : null);

    /// <inheritdoc/>
    public virtual Task<bool> UseDataset(string hash, RunName? run, string? life)
    {
        var isHere = datasets.Touch(hash);
        try
        {
            if (isHere && run is not null)
                datasets.Note(hash, new NamingRun(silo.ClusterId, run.Value.ToString(), life ?? ""));
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            LogNotNoted(problem, hash, run);
        }

        return Task.FromResult(isHere);
    }

    /// <inheritdoc/>
    public Task<FoundDataset> FindDataset(string contentSha256, string? vocabulary)
    {
        var origin = new DatasetOrigin(contentSha256, vocabulary);
        return verifying.Ask(origin.ToString(), Verify, new FoundDataset(IsDone: false));

        // Touched first: it is not removed before the run that will name it is there.
        async Task<FoundDataset> Verify()
        {
            try
            {
                return new(
                    IsDone: true,
                    datasets.FindMadeFrom(origin) is { } hash && datasets.Touch(hash)
                    && vocabularies.Contains(vocabulary) && await StoredDatasets.IsWhole(datasets, hash)
                        ? await Dataset(hash)
                        : null);
            }
            catch (Exception problem) when (problem is IOException or UnauthorizedAccessException or UserErrorException)
            {
                // Whoever asks sends it again.
                LogNotFound(problem, contentSha256);
                return new(IsDone: true);
            }
        }
    }

    /// <inheritdoc/>
    public async Task<CopyAnswer> Bring(
        string relativeFolder, SiloName fromSilo, string? stateHash, string[]? deletedLives)
    {
        var target = paths.FolderOf(relativeFolder);
        if (deletedLives is { Length: > 0 })
            await removal.RemoveDeleted(RunName.Parse(relativeFolder.Split('/')[1]), deletedLives);
        if (stateHash is not null)
            checkpoints.SetOthersAside(relativeFolder, stateHash);
        if (disk.Exists(target))
            return new CopyAnswer(CopyOutcome.IsHere);
        if (fromSilo == silo.Name)
            return new CopyAnswer(CopyOutcome.IsNotThere);
        return await copies.Ask(
            $"{relativeFolder} from {fromSilo}",
            () => Copy(relativeFolder, target, fromSilo),
            new CopyAnswer(CopyOutcome.IsUnderWay));
    }

    /// <inheritdoc/>
    public Task<FoundCheckpoint[]> Checkpoints(RunName run) =>
        Task.FromResult<FoundCheckpoint[]>([.. checkpoints.List(run)]);

    /// <inheritdoc/>
    public Task DeleteCheckpoints(RunName run, long[] kept, string[]? lives)
    {
        // Unlinking some gigabytes takes longer than a turn should.
        disk.Run("retention", () =>
        {
            checkpoints.DeleteAllBut(run, kept, lives ?? []);
            return kept;
        }).Ignore();
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task<RunOnDisk[]> RunSizes() => removal.RunSizes();

    /// <inheritdoc/>
    public Task<RemovalAnswer> RemoveRun(RunName run, string[] lives, CheckpointEntry[]? catalogue) =>
        removal.RemoveRun(run, lives, catalogue);

    /// <inheritdoc/>
    public Task<RemovalAnswer> RemoveModel(string name) => removal.RemoveModel(name);

    /// <inheritdoc/>
    public Task<PruneAnswer> Prune(bool isDryRun) => removal.Prune(isDryRun);

    private async Task<CopyAnswer> Copy(string relativeFolder, string target, SiloName fromSilo)
    {
        try
        {
            var copy = new FolderCopy(GrainFactory.Store(fromSilo), disk, paths);
            return new CopyAnswer(
                await copy.Run(relativeFolder, target) ? CopyOutcome.IsHere : CopyOutcome.IsNotThere);
        }
        catch (DamagedSourceException problem)
        {
            LogNotCopied(relativeFolder, fromSilo, problem.Message);
            return new CopyAnswer(CopyOutcome.IsDamaged, problem.Message.TrimEnd('.'));
        }
        catch (Exception problem) when (TransientErrors.Is(problem)
            || problem is InvalidDataException or IOException or UnauthorizedAccessException or UserErrorException)
        {
            LogNotCopied(relativeFolder, fromSilo, problem.Message);
            return new CopyAnswer(CopyOutcome.Failed, TransientErrors.Words(problem, fromSilo));
        }
    }

    private ModelOnDisk? Show(string name, string path)
    {
        if (Describe(path) is not { } described)
            return null;
        using var model = ModelFolder.Open(path);
        return new ModelOnDisk
        {
            Model = described,
            WeightType = model.StoredType.Word(),
            HasVocabulary = Gpt2Vocabulary.IsIn(path) || File.Exists(Path.Combine(path, "tokenizer.json")),
            Files = [.. new DirectoryInfo(path).EnumerateFiles().OrderBy(file => file.Name, StringComparer.Ordinal)
                .Select(file => new StoredFile($"models/{name}/{file.Name}", file.Length))],
            Origin = OriginReader.Read(path),
        };
    }

    private StoredModel? Describe(string path)
    {
        try
        {
            using var model = ModelFolder.Open(path);
            return new StoredModel
            {
                Name = Path.GetFileName(path),
                Shape = model.Shape,
                ParameterCount = model.Layout.Length,
                Bytes = RemovedFolder.BytesOf(path),
                SiloName = silo.Name,
                License = License(path),
            };
        }
        catch (UserErrorException problem)
        {
            LogNoModel(path, problem.Message);
            return null;
        }
    }

    /// <summary>A record that cannot be read takes no model from the list.</summary>
    private string? License(string path)
    {
        try
        {
            return StoredOrigin.Of(Path.GetFileName(path), path).EffectiveLicense;
        }
        catch (UserErrorException problem)
        {
            LogNoOrigin(path, problem.Message);
            return null;
        }
    }

    [LoggerMessage(LogLevel.Warning, "{Folder} could not be copied from silo {Silo}: {Reason}")]
    private partial void LogNotCopied(string folder, SiloName silo, string reason);

    [LoggerMessage(LogLevel.Warning, "It could not be seen whether the text {Hash} is here as a dataset.")]
    private partial void LogNotFound(Exception problem, string hash);

    [LoggerMessage(LogLevel.Warning,
        "It could not be noted that run {Run} needs the dataset {Hash}; it is tried again.")]
    private partial void LogNotNoted(Exception problem, string hash, RunName? run);

    [LoggerMessage(LogLevel.Warning, "Where {Path} comes from is not known: {Reason}")]
    private partial void LogNoOrigin(string path, string reason);

    [LoggerMessage(LogLevel.Warning, "{Path} is listed as no model: {Reason}")]
    private partial void LogNoModel(string path, string reason);
}

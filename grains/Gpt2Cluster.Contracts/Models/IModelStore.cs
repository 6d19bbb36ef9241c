using Gpt2Cluster.Core.Housekeeping;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Provenance;
using Gpt2Cluster.Core.Runs;

namespace Gpt2Cluster.Contracts.Models;

/// <summary>A model in the store.</summary>
[GenerateSerializer, Immutable, Alias("gpt2.stored-model.v1")]
public sealed record StoredModel
{
    /// <summary>Its name.</summary>
    [Id(0)]
    public required string Name { get; init; }

    /// <summary>Its shape.</summary>
    [Id(1)]
    public required ModelShape Shape { get; init; }

    /// <summary>Parameters in all.</summary>
    [Id(2)]
    public required long ParameterCount { get; init; }

    /// <summary>Bytes on disk.</summary>
    [Id(3)]
    public required long Bytes { get; init; }

    /// <summary>The silo that has it.</summary>
    [Id(4)]
    public required SiloName SiloName { get; init; }

    /// <summary>The licence it is under; null if nobody said.</summary>
    [Id(5)]
    public string? License { get; init; }
}

/// <summary>Models and checkpoints on one silo's disk. The key is the silo's name.</summary>
[Alias("gpt2.model-store")]
public interface IModelStore : IGrainWithStringKey
{
    /// <summary>The models on this disk.</summary>
    [Alias("list")]
    Task<StoredModel[]> List();

    /// <summary>
    /// The files of a model (<c>models/NAME</c>), a checkpoint (<c>runs/RUN/checkpoints/STEP</c>), a dataset
    /// (<c>datasets/HASH</c>) or a vocabulary (<c>vocabularies/HASH</c>), with their lengths; empty if it is not
    /// here.
    /// </summary>
    [Alias("files")]
    Task<StoredFile[]> Files(string relativeFolder);

    /// <summary>Bytes of one of those files, at most 1 MiB at once.</summary>
    [Alias("read")]
    Task<byte[]> Read(string relativePath, long start, int count);

    /// <summary>SHA-256 of one of those files. Answers within 4 s; ask again while it is not done.</summary>
    [Alias("hash")]
    [ResponseTimeout(LongPoll.Bound)]
    Task<HashAnswer> Hash(string relativePath);

    /// <summary>A dataset on this disk, with this silo as its only holder; null if it is not here.</summary>
    [Alias("dataset")]
    Task<Datasets.DatasetDescription?> Dataset(string hash);

    /// <summary>
    /// Says that a dataset is of use now, so that it stays on this disk for a while, or as long as a run is not
    /// deleted.
    /// </summary>
    /// <param name="hash">Its hash.</param>
    /// <param name="run">The name of the run that needs it; null if there is none yet.</param>
    /// <param name="life">That run's life; null without a run.</param>
    /// <returns>Whether it is here.</returns>
    [Alias("use-dataset")]
    [ResponseTimeout(LongPoll.Bound)]
    Task<bool> UseDataset(string hash, RunName? run, string? life);

    /// <summary>
    /// A dataset on this disk that was made from these documents, with this vocabulary, which is here too, and is
    /// whole: its shards are read and compared with their hashes. Answers within 4 s; ask again while it is not done.
    /// </summary>
    /// <param name="contentSha256">By what they are known again (<c>DocumentDigest</c> of Data).</param>
    /// <param name="vocabulary">The vocabulary's hash; null for the built-in one.</param>
    [Alias("find-dataset")]
    [ResponseTimeout(LongPoll.Bound)]
    Task<FoundDataset> FindDataset(string contentSha256, string? vocabulary);

    /// <summary>
    /// Copies a model, checkpoint, dataset or vocabulary from another silo's store unless it is here already. Answers
    /// within 4 s; ask again while it is under way.
    /// </summary>
    /// <param name="relativeFolder">Its name in the store.</param>
    /// <param name="fromSilo">The silo that has it.</param>
    /// <param name="stateHash">
    /// The state hash that the checkpoint is to have: another one that lies in its place, of an earlier life of the run
    /// say, is set aside. Null for whatever is there.
    /// </param>
    /// <param name="deletedLives">
    /// Lives of the run's name that are over: a checkpoint of theirs that lies here is no copy, whatever it holds, as
    /// it is to be removed. Null for none.
    /// </param>
    [Alias("bring")]
    [ResponseTimeout(LongPoll.Bound)]
    Task<CopyAnswer> Bring(
        string relativeFolder, SiloName fromSilo, string? stateHash = null, string[]? deletedLives = null);

    /// <summary>The run's checkpoints on this disk, as far as their manifests can be read; newest first.</summary>
    [Alias("checkpoints")]
    Task<FoundCheckpoint[]> Checkpoints(RunName run);

    /// <summary>
    /// Deletes the run's checkpoints on this disk that are older than the newest of <paramref name="kept"/> and none of
    /// them. Returns at once; what cannot be deleted now goes with the next call.
    /// </summary>
    /// <param name="run">The run's name.</param>
    /// <param name="kept">The steps that stay.</param>
    /// <param name="lives">
    /// The lives of the name that the run is: what others wrote stays. Null or empty for a run without, or an older
    /// version's.
    /// </param>
    [Alias("delete-checkpoints")]
    Task DeleteCheckpoints(RunName run, long[] kept, string[]? lives = null);

    /// <summary>The runs that have checkpoints on this disk, and the bytes that they take.</summary>
    [Alias("run-sizes")]
    Task<RunOnDisk[]> RunSizes();

    /// <summary>
    /// Removes the checkpoints of a run that was deleted from this disk. Answers within 4 s; ask again while it is not
    /// done, or leave it.
    /// </summary>
    /// <param name="run">Its name.</param>
    /// <param name="lives">The lives of that name that are over; others' checkpoints stay.</param>
    /// <param name="catalogue">
    /// The checkpoints that the run named as its own: of those that have no life these go too. Null for none.
    /// </param>
    [Alias("remove-run")]
    [ResponseTimeout(LongPoll.Bound)]
    Task<RemovalAnswer> RemoveRun(RunName run, string[] lives, CheckpointEntry[]? catalogue = null);

    /// <summary>A model on this disk in full; null if it is not here, or is no sound one.</summary>
    /// <param name="name">Its name in the store.</param>
    [Alias("show-model")]
    Task<ModelOnDisk?> ShowModel(string name);

    /// <summary>
    /// Removes a model from this disk, unless a run of the cluster needs it, or one of which a checkpoint lies here.
    /// Answers within 4 s; ask again while it is not done.
    /// </summary>
    /// <param name="name">Its name in the store.</param>
    [Alias("remove-model")]
    [ResponseTimeout(LongPoll.Bound)]
    Task<RemovalAnswer> RemoveModel(string name);

    /// <summary>
    /// Removes what nobody names any more from this disk, or only says what that is. Answers within 4 s; ask again
    /// while it is not done.
    /// </summary>
    /// <param name="isDryRun">Whether nothing is removed.</param>
    [Alias("prune")]
    [ResponseTimeout(LongPoll.Bound)]
    Task<PruneAnswer> Prune(bool isDryRun);
}

/// <summary>What a run takes of a disk.</summary>
/// <param name="Run">Its name.</param>
/// <param name="Bytes">Bytes of its checkpoints.</param>
[GenerateSerializer, Immutable, Alias("gpt2.run-on-disk.v1")]
public sealed record RunOnDisk([property: Id(0)] RunName Run, [property: Id(1)] long Bytes);

/// <summary>What was removed from a disk.</summary>
/// <param name="IsDone">False while it goes on: ask again.</param>
/// <param name="Bytes">What that has freed.</param>
/// <param name="Failure">What is left, and why, in one sentence; null if nothing is.</param>
/// <param name="Refusal">Why nothing was to be removed, in one sentence; null if it was.</param>
[GenerateSerializer, Immutable, Alias("gpt2.removal-answer.v1")]
public sealed record RemovalAnswer(
    [property: Id(0)] bool IsDone,
    [property: Id(1)] long Bytes = 0,
    [property: Id(2)] string? Failure = null,
    [property: Id(3)] string? Refusal = null);

/// <summary>Something that nobody names any more.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Name">Its name, for people.</param>
/// <param name="Path">Where it lies or lay.</param>
/// <param name="Bytes">What it takes or took of the disk.</param>
[GenerateSerializer, Immutable, Alias("gpt2.pruned-thing.v1")]
public sealed record PrunedThing(
    [property: Id(0)] ThingKind Kind,
    [property: Id(1)] string Name,
    [property: Id(2)] string Path,
    [property: Id(3)] long Bytes);

/// <summary>What nobody names any more on one disk.</summary>
/// <param name="IsDone">False while it goes on: ask again.</param>
/// <param name="Things">What was removed, or would be.</param>
/// <param name="Failure">Why something or all of it is left, in one sentence; null if nothing is.</param>
[GenerateSerializer, Immutable, Alias("gpt2.prune-answer.v1")]
public sealed record PruneAnswer(
    [property: Id(0)] bool IsDone, [property: Id(1)] PrunedThing[] Things, [property: Id(2)] string? Failure = null);

/// <summary>A model on a disk, as far as its files say it without being hashed.</summary>
[GenerateSerializer, Immutable, Alias("gpt2.model-on-disk.v1")]
public sealed record ModelOnDisk
{
    /// <summary>What the list shows.</summary>
    [Id(0)]
    public required StoredModel Model { get; init; }

    /// <summary>The stored type of its weights, in the command line's word.</summary>
    [Id(1)]
    public required string WeightType { get; init; }

    /// <summary>Whether its folder holds a vocabulary; else it is GPT-2's.</summary>
    [Id(2)]
    public required bool HasVocabulary { get; init; }

    /// <summary>Its files with their lengths.</summary>
    [Id(3)]
    public required StoredFile[] Files { get; init; }

    /// <summary>The record of where it comes from; null if it has none.</summary>
    [Id(4)]
    public Origin? Origin { get; init; }
}

/// <summary>What a file hashes to.</summary>
/// <param name="IsDone">False while it is read: ask again.</param>
/// <param name="Sha256">SHA-256, lower-case hexadecimal; null if the file is not here, and while it is read.</param>
[GenerateSerializer, Immutable, Alias("gpt2.hash-answer.v1")]
public sealed record HashAnswer([property: Id(0)] bool IsDone, [property: Id(1)] string? Sha256 = null);

/// <summary>Whether a dataset is on a silo's disk.</summary>
/// <param name="IsDone">False while its shards are read: ask again.</param>
/// <param name="Dataset">The dataset, with that silo as its only holder; null if it is not here, or damaged.</param>
[GenerateSerializer, Immutable, Alias("gpt2.found-dataset.v1")]
public sealed record FoundDataset(
    [property: Id(0)] bool IsDone, [property: Id(1)] Datasets.DatasetDescription? Dataset = null);

/// <summary>Whether a stored folder was copied from another silo.</summary>
public enum CopyOutcome
{
    /// <summary>It is here now, or was already.</summary>
    IsHere,

    /// <summary>The other silo answered that it has none.</summary>
    IsNotThere,

    /// <summary>The other silo did not answer, or what came could not be stored: it may be there.</summary>
    Failed,

    /// <summary>The other silo's disk holds it, and not as its manifest says.</summary>
    IsDamaged,

    /// <summary>It is being copied: ask again.</summary>
    IsUnderWay,
}

/// <summary>What came of a copy.</summary>
/// <param name="Outcome">Whether the folder is here now.</param>
/// <param name="Reason">Why it could not be copied, without a full stop; null if it did not fail.</param>
[GenerateSerializer, Immutable, Alias("gpt2.copy-answer.v1")]
public sealed record CopyAnswer([property: Id(0)] CopyOutcome Outcome, [property: Id(1)] string? Reason = null);

/// <summary>One file of a stored folder.</summary>
[GenerateSerializer, Immutable, Alias("gpt2.stored-file.v1")]
public sealed record StoredFile([property: Id(0)] string RelativePath, [property: Id(1)] long Length);

using Gpt2Cluster.Core.Names;

namespace Gpt2Cluster.Contracts.Datasets;

/// <summary>One piece of a stream of bytes.</summary>
/// <param name="Index">0 and up; a repeat of the last one is harmless.</param>
/// <param name="Bytes">At most <see cref="MaximumBytes"/>.</param>
[GenerateSerializer, Immutable, Alias("gpt2.piece.v1")]
public sealed record Piece([property: Id(0)] long Index, [property: Id(1)] byte[] Bytes)
{
    /// <summary>
    /// The largest piece, in bytes: far below Orleans' limit of 100 MiB a message, small enough for probes to pass.
    /// </summary>
    public const int MaximumBytes = 1 << 20;
}

/// <summary>What a stored dataset holds.</summary>
[GenerateSerializer, Immutable, Alias("gpt2.dataset-description.v1")]
public sealed record DatasetDescription
{
    /// <summary>SHA-256 over the tokens as uint16 little endian, lower-case hexadecimal.</summary>
    [Id(0)]
    public required string Hash { get; init; }

    /// <summary>Tokens in all.</summary>
    [Id(1)]
    public required long TokenCount { get; init; }

    /// <summary>Documents in all.</summary>
    [Id(2)]
    public required long DocumentCount { get; init; }

    /// <summary>Where it came from, for people.</summary>
    [Id(3)]
    public required string Provenance { get; init; }

    /// <summary>Tokens of every shard but the last.</summary>
    [Id(4)]
    public required int ShardTokens { get; init; }

    /// <summary>Silos that hold it.</summary>
    [Id(5)]
    public required SiloName[] Holders { get; init; }
}

/// <summary>The answer to the end of an upload.</summary>
[GenerateSerializer, Immutable, Alias("gpt2.upload-answer.v1")]
public sealed record UploadAnswer
{
    /// <summary>True while the silo still works on it: ask again.</summary>
    [Id(0)]
    public bool IsPending { get; init; }

    /// <summary>The dataset, when this was one and it is stored.</summary>
    [Id(1)]
    public DatasetDescription? Dataset { get; init; }

    /// <summary>The stored model's name, when this was one and it is stored.</summary>
    [Id(2)]
    public string? Model { get; init; }

    /// <summary>Why it was refused, in one sentence; null if it was not.</summary>
    [Id(3)]
    public string? Refusal { get; init; }

    /// <summary>Bytes of the archive worked on so far, while pending.</summary>
    [Id(4)]
    public long Done { get; init; }

    /// <summary>True when the silo has none of the pieces, as after its restart: send them again.</summary>
    [Id(5)]
    public bool IsLost { get; init; }

    /// <summary>
    /// Why the silo cannot store what may be good, in one sentence, such as that its disk is full; null if it can.
    /// </summary>
    [Id(6)]
    public string? Failure { get; init; }
}

/// <summary>Takes a dataset or a model folder from a client in pieces, onto the disk of the silo in its key.</summary>
[Alias("gpt2.upload")]
public interface IUpload : IGrainWithStringKey
{
    /// <summary>
    /// What <see cref="Append"/> answers when the silo can store no more: ask for the end, which says why.
    /// </summary>
    const long NoMore = -1;

    /// <summary>The next piece. Pieces come in order; a repeat is harmless.</summary>
    /// <returns>The index of the piece expected next, or <see cref="NoMore"/>.</returns>
    [Alias("append")]
    Task<long> Append(Piece piece);

    /// <summary>
    /// All pieces are there: the bytes are a tar of documents, to be tokenised and stored. Returns within 5 s; ask
    /// again while pending.
    /// </summary>
    [Alias("finish-dataset")]
    Task<UploadAnswer> FinishDataset(string provenance);

    /// <summary>
    /// All pieces are there: the bytes are a tar of a model folder, to be checked and stored under a name. Returns
    /// within 5 s; ask again while pending.
    /// </summary>
    [Alias("finish-model")]
    Task<UploadAnswer> FinishModel(string name);

    /// <summary>Forgets the upload.</summary>
    [Alias("abandon")]
    Task Abandon();
}

/// <summary>A dataset: its shards and who holds them. The key is its hash.</summary>
[Alias("gpt2.dataset")]
public interface IDataset : IGrainWithStringKey
{
    /// <summary>What it holds; null if no silo has it.</summary>
    [Alias("describe")]
    Task<DatasetDescription?> Describe();

    /// <summary>A silo holds all shards now.</summary>
    [Alias("add-holder")]
    Task AddHolder(SiloName siloName, DatasetDescription description);

    /// <summary>A silo has removed it: all are asked anew who holds it.</summary>
    [Alias("forget-holders")]
    Task ForgetHolders();

    /// <summary>
    /// Makes sure that the silo can read every shard quickly: copies datasets under 64 MB to it. Answers within 4 s;
    /// ask again while it is not done.
    /// </summary>
    /// <returns>Whether that is done, or cannot be.</returns>
    [Alias("bring-to")]
    [ResponseTimeout(LongPoll.Bound)]
    Task<bool> BringTo(SiloName siloName);
}

/// <summary>One shard of a dataset on one silo's disk. The key names silo, dataset and shard.</summary>
[Alias("gpt2.data-shard")]
public interface IDataShard : IGrainWithStringKey
{
    /// <summary>Tokens of this shard as uint16 little endian, from a position inside the shard on.</summary>
    /// <returns>Null while the dataset is verified, as before its first read: ask again.</returns>
    [Alias("read")]
    [ResponseTimeout(LongPoll.Bound)]
    Task<byte[]?> Read(int start, int count);
}

using Gpt2Cluster.Data.Storage;

namespace Gpt2Cluster.Data.Datasets;

/// <summary>
/// A dataset that is being written: give <see cref="Output"/> to a <see cref="DatasetTokenizer"/>, then publish.
/// </summary>
public sealed class DatasetStaging : IDisposable
{
    private readonly DatasetDirectory directory;
    private readonly StagedFolder staged;
    private readonly ShardStream shards;
    private readonly int shardTokens;

    internal DatasetStaging(DatasetDirectory directory, int shardTokens)
    {
        this.directory = directory;
        this.shardTokens = shardTokens;
        var shardBytes = checked(shardTokens * sizeof(ushort));
        staged = new StagedFolder(Path.Combine(directory.Root, "dataset"));
        shards = new ShardStream(staged.Path, shardBytes);
    }

    /// <summary>Takes the tokens, uint16 little endian.</summary>
    public Stream Output => shards;

    /// <summary>Publishes the dataset under its hash; if it is there already, that one stays.</summary>
    /// <param name="tokens">What the tokeniser said of it.</param>
    /// <param name="provenance">For people: what was tokenised.</param>
    /// <param name="origin">By what it is found again; null for nothing.</param>
    /// <returns>What is now in the directory.</returns>
    public DatasetDescription Publish(TokenizedDataset tokens, string provenance, DatasetOrigin? origin = null)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        shards.Complete();
        var description = new DatasetDescription(
            tokens.Sha256, tokens.TokenCount, tokens.DocumentCount, provenance, shardTokens, shards.Hashes);
        if (!description.IsSound(tokens.Sha256))
            throw new InvalidOperationException("the tokens in the stream are not the tokens that were counted");
        var published = directory.Publish(staged, description);
        if (origin is not null)
            directory.Remember(tokens.Sha256, origin);
        return published;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        try
        {
            shards.Dispose();
        }
        finally
        {
            staged.Dispose();
        }
    }
}

using System.Globalization;

namespace Gpt2Cluster.Data.Datasets;

/// <summary>What <c>dataset.json</c> says of a tokenised dataset.</summary>
/// <param name="Sha256">SHA-256 of all tokens as uint16 little endian, lower-case hexadecimal: its name.</param>
/// <param name="TokenCount">Tokens in all.</param>
/// <param name="DocumentCount">Documents.</param>
/// <param name="Provenance">For people: what was tokenised.</param>
/// <param name="ShardTokens">Tokens of every shard but the last, which has the rest.</param>
/// <param name="ShardSha256">SHA-256 of each shard, in order, lower-case hexadecimal.</param>
public sealed record DatasetDescription(
    string Sha256,
    long TokenCount,
    long DocumentCount,
    string Provenance,
    int ShardTokens,
    IReadOnlyList<string> ShardSha256)
{
    /// <summary>Tokens of a shard unless something else is asked for: 8 MiB.</summary>
    public const int DefaultShardTokens = 4 << 20;

    /// <summary>Name of the file that holds this.</summary>
    public const string FileName = "dataset.json";

    /// <summary>Tokens of one shard.</summary>
    public int TokensOf(int shard) => (int)Math.Min(ShardTokens, TokenCount - (long)shard * ShardTokens);

    /// <summary>File name of one shard.</summary>
    public static string FileOf(int shard) => string.Create(CultureInfo.InvariantCulture, $"shard-{shard:D5}.bin");

    /// <summary>Whether the numbers fit together.</summary>
    internal bool IsSound(string name) =>
        Sha256 == name && TokenCount > 0 && ShardTokens > 0 && ShardSha256 is not null
        && ShardSha256.Count == (TokenCount + ShardTokens - 1) / ShardTokens;
}

namespace Gpt2Cluster.Data.Inspection;

/// <summary>How a corpus is looked through; the defaults are for people, the others for tests.</summary>
public sealed record InspectionOptions
{
    /// <summary>
    /// Tokens of an n-gram: shorter passages are not counted. 50 as in Lee et al., "Deduplicating Training Data Makes
    /// Language Models Better" (ACL 2022): shorter ones are often plain idiom.
    /// </summary>
    public int GramTokens { get; init; } = 50;

    /// <summary>
    /// N-grams of a window at least; it grows with the corpus so that its fingerprints fit the table. With as many as
    /// an n-gram has tokens, the fingerprints of a long passage leave nothing between them.
    /// </summary>
    public int LeastWindow { get; init; } = 50;

    /// <summary>Places of the tables of fingerprints and of documents at most, of eight bytes; a power of two.</summary>
    public long MostPlaces { get; init; } = 1 << 25;

    /// <summary>Tokens that stay in memory; more lie in a temporary file. 64 Mi: 128 MiB.</summary>
    public long MemoryTokens { get; init; } = 64 << 20;

    /// <summary>Entries of each list.</summary>
    public int ListLength { get; init; } = 10;
}

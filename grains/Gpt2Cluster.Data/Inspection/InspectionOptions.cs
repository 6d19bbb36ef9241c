namespace Gpt2Cluster.Data.Inspection;

/// <summary>How a corpus is looked through; the defaults are for people, the others for tests.</summary>
public sealed record InspectionOptions
{
    /// <summary>
    /// Tokens of an n-gram: shorter passages are not counted. 50 as in Lee et al., "Deduplicating Training Data Makes
    /// Language Models Better" (ACL 2022): shorter ones are often plain idiom.
    /// </summary>
    public int GramTokens { get; init; } = 50;

    /// <summary>N-grams of a window at least; it grows with the corpus so that all fingerprints fit.</summary>
    public int LeastWindow { get; init; } = 50;

    /// <summary>Places of each table at most, eight bytes each; a power of two. 2^25: 256 MiB.</summary>
    public long MostPlaces { get; init; } = 1 << 25;

    /// <summary>Tokens that stay in memory; more lie in a temporary file. 64 Mi: 128 MiB.</summary>
    public long MemoryTokens { get; init; } = 64 << 20;

    /// <summary>Where the temporary file lies.</summary>
    public string Folder { get; init; } = Path.GetTempPath();

    /// <summary>Entries of each list.</summary>
    public int ListLength { get; init; } = 10;
}

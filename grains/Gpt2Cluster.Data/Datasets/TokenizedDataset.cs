namespace Gpt2Cluster.Data.Datasets;

/// <summary>How texts become tokens.</summary>
public sealed record DatasetOptions
{
    /// <summary>The original's default for <see cref="CombineCharacters"/>.</summary>
    public const int DefaultCombineCharacters = 50_000;

    /// <summary>
    /// Whether <c>&lt;|endoftext|&gt;</c> is ordinary text and is also appended after every file that leaves its
    /// chunk shorter than <see cref="CombineCharacters"/>, as the original encode.py does. Default false.
    /// </summary>
    public bool LegacyEndOfText { get; init; }

    /// <summary>
    /// A chunk (an array of an .npz) ends with the file that brings it to this many characters. Default 50,000.
    /// </summary>
    public int CombineCharacters { get; init; } = DefaultCombineCharacters;
}

/// <summary>What became of a dataset.</summary>
/// <param name="TokenCount">Tokens in all.</param>
/// <param name="DocumentCount">Stretches of tokens between ends of text; with legacy ends of text, files.</param>
/// <param name="Sha256">SHA-256 of the tokens as uint16 little endian, lower-case hexadecimal: the dataset's
/// hash.</param>
/// <param name="ChunkLengths">Tokens of each array when it is written as an .npz; together <paramref
/// name="TokenCount"/>.</param>
public sealed record TokenizedDataset(
    long TokenCount, long DocumentCount, string Sha256, IReadOnlyList<long> ChunkLengths);

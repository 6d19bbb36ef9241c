using Gpt2Cluster.Data.Datasets;

namespace Gpt2Cluster.Data.Inspection;

/// <summary>What one reading of a corpus tells; all of it is exact.</summary>
/// <param name="Tokens">Counts and hash, as a run has them.</param>
/// <param name="TextBytes">Bytes of UTF-8 that the tokens stand for, ends of text apart.</param>
/// <param name="LoneByteCount">
/// Tokens that are a single byte of a character of several bytes: the vocabulary has nothing longer for such text, so
/// that it costs many tokens.
/// </param>
/// <param name="Longest">The longest document, the first of equals.</param>
/// <param name="Shortest">The shortest one that has a token, the first of equals.</param>
public sealed record CorpusStatistics(
    TokenizedDataset Tokens, long TextBytes, long LoneByteCount, DocumentLength Longest, DocumentLength Shortest)
{
    /// <summary>Bytes of text a token.</summary>
    public double BytesPerToken => (double)TextBytes / Tokens.TokenCount;

    /// <summary><see cref="LoneByteCount"/> of all tokens, 0 to 1.</summary>
    public double LoneByteShare => (double)LoneByteCount / Tokens.TokenCount;
}

/// <summary>How long a document is.</summary>
/// <param name="TokenCount">Its tokens, 1 or more.</param>
/// <param name="Name">Its file, and its line in it where the file has several.</param>
public sealed record DocumentLength(long TokenCount, string Name);

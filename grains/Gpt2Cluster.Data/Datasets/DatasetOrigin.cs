using System.Text.RegularExpressions;

namespace Gpt2Cluster.Data.Datasets;

/// <summary>What a dataset was made from, by which it is found again.</summary>
/// <param name="ContentSha256"><see cref="Sources.DocumentDigest.Sha256"/> of the documents.</param>
/// <param name="Vocabulary"><see cref="Tokens.Gpt2Vocabulary.Reference"/> of whose tokens they became.</param>
public sealed partial record DatasetOrigin(string ContentSha256, string? Vocabulary = null)
{
    // Whoever changes which tokens a text becomes counts it up, so that nothing is found that was made by other rules.
    private const int TokenizingVersion = 1;

    /// <summary>Whether both are hashes, so that <see cref="FileName"/> names a file of its folder.</summary>
    internal bool IsSound => Hash().IsMatch(ContentSha256) && (Vocabulary is null || Hash().IsMatch(Vocabulary));

    /// <summary>Of the empty file that notes it.</summary>
    internal string FileName => $"{TokenizingVersion}-{ContentSha256}{(Vocabulary is null ? "" : $"-{Vocabulary}")}";

    [GeneratedRegex(@"\A[0-9a-f]{64}\z")]
    private static partial Regex Hash();
}

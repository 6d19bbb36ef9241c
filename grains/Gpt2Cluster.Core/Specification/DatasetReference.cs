namespace Gpt2Cluster.Core.Specification;

/// <summary>The tokens of a run.</summary>
/// <param name="Sha256">SHA-256 over the tokens as uint16 little endian, lower-case hexadecimal.</param>
/// <param name="TrainingTokenCount">Tokens to train on, from the first one on.</param>
/// <param name="ValidationTokenCount">Tokens to validate on; 0 for none.</param>
/// <param name="ValidationSha256">
/// The dataset of <c>--val-dataset</c>, all of which validates; null if the tokens behind the training tokens do.
/// </param>
public sealed record DatasetReference(
    string Sha256, long TrainingTokenCount, long ValidationTokenCount = 0, string? ValidationSha256 = null);

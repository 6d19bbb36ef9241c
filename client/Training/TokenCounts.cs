namespace Gpt2Cluster.Client.Training;

/// <summary>A stored dataset, as far as a specification needs it.</summary>
/// <param name="Hash">SHA-256 over the tokens, lower-case hexadecimal.</param>
/// <param name="Count">Tokens in all.</param>
internal sealed record TokenCounts(string Hash, long Count);

using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;

namespace Gpt2Cluster.Compute.Model;

/// <summary>Windows of T + 1 tokens as inputs and targets, N = B T of each.</summary>
internal static class Windows
{
    /// <summary>Splits the windows of a micro-batch.</summary>
    /// <exception cref="ArgumentException">A size or a token does not fit the model.</exception>
    public static (int[] Tokens, int[] Targets) Split(in MicroBatch batch, ModelShape shape)
    {
        var (windows, length) = (batch.BatchSize, batch.SequenceLength);
        if (windows < 1 || length < 1 || length > shape.ContextLength || batch.Tokens.Length != windows * (length + 1))
        {
            throw new ArgumentException(
                $"{windows} windows of {length} + 1 tokens were announced, {batch.Tokens.Length} tokens came, "
                + $"and the model's context is {shape.ContextLength}.");
        }

        var source = batch.Tokens.Span;
        if (source.IndexOfAnyExceptInRange((ushort)0, (ushort)(shape.VocabularySize - 1)) is >= 0 and var bad)
            throw new ArgumentException($"Token {source[bad]} is not in a vocabulary of {shape.VocabularySize}.");
        var (tokens, targets) = (new int[windows * length], new int[windows * length]);
        for (var window = 0; window < windows; window++)
        {
            for (var position = 0; position < length; position++)
            {
                var from = (window * (length + 1)) + position;
                tokens[(window * length) + position] = source[from];
                targets[(window * length) + position] = source[from + 1];
            }
        }

        return (tokens, targets);
    }
}

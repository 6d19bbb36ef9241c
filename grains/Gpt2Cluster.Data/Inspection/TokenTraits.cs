using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Inspection;

/// <summary>What is asked of every token of a corpus, in one addition a token.</summary>
internal sealed class TokenTraits
{
    /// <summary>The least byte of a character of several bytes in UTF-8.</summary>
    private const byte FirstByteBeyondAscii = 0x80;

    private const int LoneShift = 40;

    // Bytes in the lower bits, 1 above them if the token is a lone byte.
    private readonly ulong[] traits = new ulong[ushort.MaxValue + 1];

    /// <summary>Looks at a vocabulary.</summary>
    public TokenTraits(Gpt2Vocabulary vocabulary)
    {
        for (var token = 0; token < vocabulary.Count; token++)
        {
            if (!vocabulary.IsText(token))
                continue;
            var bytes = vocabulary.BytesOf(token);
            var isLone = bytes.Length == 1 && bytes[0] >= FirstByteBeyondAscii;
            traits[token] = (ulong)bytes.Length + (isLone ? 1UL << LoneShift : 0);
        }
    }

    /// <summary>
    /// Bytes of text that tokens stand for, and how many of them are a single byte of a character of several: what no
    /// longer token of the vocabulary holds. The end of text stands for nothing.
    /// </summary>
    /// <param name="tokens">At most 2^22 of them.</param>
    public (long Bytes, int LoneBytes) Of(ReadOnlySpan<ushort> tokens)
    {
        var sum = 0UL;
        foreach (var token in tokens)
            sum += traits[token];
        return ((long)(sum & ((1UL << LoneShift) - 1)), (int)(sum >> LoneShift));
    }
}

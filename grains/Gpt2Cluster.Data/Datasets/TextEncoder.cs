using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Datasets;

/// <summary>
/// Encodes text that comes in pieces, as if it had come whole: a word that a piece cuts is held until it ends.
/// </summary>
internal sealed class TextEncoder(Gpt2Tokenizer tokenizer, TokenWriter output)
{
    private readonly ParallelTokenizer parallel = new(tokenizer);
    private byte[] buffer = new byte[64 << 10];
    private ushort[] tokens = [];
    private int count;
    private int enough;

    /// <summary>Takes the next piece.</summary>
    public void Append(ReadOnlySpan<byte> utf8)
    {
        if (count + utf8.Length > buffer.Length)
            Array.Resize(ref buffer, Math.Max(2 * buffer.Length, count + utf8.Length));
        utf8.CopyTo(buffer.AsSpan(count));
        count += utf8.Length;
        // Scanning a long word again only when it has doubled keeps the work linear.
        if (count >= Math.Max(enough, parallel.EnoughBytes))
            Encode(final: false);
    }

    /// <summary>Encodes what is held: the text ends here.</summary>
    public void Flush() => Encode(final: true);

    private void Encode(bool final)
    {
        if (tokens.Length < count)
            tokens = new ushort[buffer.Length];
        var done = parallel.EncodeUtf8(buffer.AsMemory(0, count), final, tokens, out var tokenCount);
        output.Write(tokens.AsSpan(0, tokenCount));
        buffer.AsSpan(done, count - done).CopyTo(buffer);
        count -= done;
        enough = 2 * count;
    }
}

using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Benchmarks;

/// <summary>The ways to encode the text that are compared. One at a time.</summary>
internal sealed class EncodedText(byte[] text)
{
    // As files are read: in pieces, each from what the one before has left.
    private const int PieceBytes = 64 << 10;

    private readonly ushort[] tokens = new ushort[text.Length];

    /// <summary>One tokeniser that has seen nothing yet.</summary>
    public Measurement Fresh()
    {
        var tokenizer = new Gpt2Tokenizer();
        return Measurement.Of(() => Encode(tokenizer), Hash);
    }

    /// <summary>One tokeniser that has just encoded the same text.</summary>
    public Measurement Known()
    {
        var tokenizer = new Gpt2Tokenizer();
        Encode(tokenizer);
        return Measurement.Of(() => Encode(tokenizer), Hash);
    }

    /// <summary>As many fresh tokenisers as there are cores.</summary>
    public Measurement AllCores()
    {
        var tokenizer = new ParallelTokenizer(new Gpt2Tokenizer());
        return Measurement.Of(() => Encode(tokenizer), Hash);
    }

    /// <summary>No tokens, only the beginnings of pieces in every window.</summary>
    public Measurement WindowsOnly() => Measurement.Of(
        () =>
        {
            var pieces = 0;
            for (var position = 0; position + PreTokenWindow.Bytes <= text.Length;)
            {
                var starts = PreTokenWindow.Starts(ref text[position]);
                pieces += BitOperations.PopCount(starts);
                position += starts > 1 ? BitOperations.Log2(starts) : PreTokenScanner.Next(text.AsSpan(position));
            }

            return pieces;
        },
        _ => "");

    private int Encode(Gpt2Tokenizer tokenizer)
    {
        var written = 0;
        for (var position = 0; position < text.Length;)
        {
            var piece = text.AsSpan(position, Math.Min(PieceBytes, text.Length - position));
            var final = position + piece.Length == text.Length;
            position += tokenizer.EncodeUtf8(piece, final, tokens.AsSpan(written), out var count);
            written += count;
        }

        return written;
    }

    private int Encode(ParallelTokenizer tokenizer)
    {
        var written = 0;
        for (var position = 0; position < text.Length;)
        {
            var piece = text.AsMemory(position, Math.Min(tokenizer.EnoughBytes, text.Length - position));
            var final = position + piece.Length == text.Length;
            position += tokenizer.EncodeUtf8(piece, final, tokens.AsMemory(written), out var count);
            written += count;
        }

        return written;
    }

    private string Hash(int count) =>
        Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(tokens.AsSpan(0, count))));
}

using System.Runtime.ExceptionServices;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Tokens;

/// <summary>
/// Encodes long texts on all cores: cuts them where a piece certainly ends, lets a tokeniser a core encode the blocks,
/// and joins what they wrote. The tokens are those of one tokeniser. One caller at a time; the other tokenisers are
/// made when a text is first long enough.
/// </summary>
public sealed class ParallelTokenizer
{
    /// <summary>Most cores that are used; a tokeniser takes some 6 MB.</summary>
    public const int MostThreads = 16;

    private const int BlockBytes = 512 << 10;

    private readonly Gpt2Tokenizer?[] tokenizers;
    private readonly int[] starts;
    private readonly int[] counts;

    /// <summary>Makes one.</summary>
    /// <param name="tokenizer">The first tokeniser, whose vocabulary the others take.</param>
    /// <param name="threads">Cores to use, 1 to 16; null for those there are, at most 16.</param>
    public ParallelTokenizer(Gpt2Tokenizer tokenizer, int? threads = null)
    {
        var count = threads ?? Math.Min(Environment.ProcessorCount, MostThreads);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1, nameof(threads));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, MostThreads, nameof(threads));
        tokenizers = new Gpt2Tokenizer?[count];
        tokenizers[0] = tokenizer;
        starts = new int[count + 1];
        counts = new int[count];
    }

    /// <summary>Bytes that keep every core busy; fewer are encoded by fewer.</summary>
    public int EnoughBytes => tokenizers.Length * BlockBytes;

    /// <summary>Encodes as <see cref="Gpt2Tokenizer.EncodeUtf8"/> does.</summary>
    /// <inheritdoc cref="Gpt2Tokenizer.EncodeUtf8"/>
    public int EncodeUtf8(ReadOnlyMemory<byte> text, bool final, Memory<ushort> tokens, out int tokenCount)
    {
        if (tokens.Length < text.Length)
            throw new ArgumentException($"{tokens.Length} places for {text.Length} bytes", nameof(tokens));
        var blocks = Cut(text.Span);
        var done = 0;
        if (blocks == 1)
            return tokenizers[0]!.EncodeUtf8(text.Span, final, tokens.Span, out tokenCount);
        try
        {
            Parallel.For(0, blocks, block =>
            {
                var (start, end) = (starts[block], starts[block + 1]);
                var tokenizer = tokenizers[block] ??= new Gpt2Tokenizer(tokenizers[0]!.Vocabulary);
                var isLast = block == blocks - 1;
                var encoded = tokenizer.EncodeUtf8(
                    text.Span[start..end], final || !isLast, tokens.Span[start..end], out counts[block]);
                if (isLast)
                    done = start + encoded;
            });
        }
        catch (AggregateException error) when (error.InnerException is UserErrorException inner)
        {
            ExceptionDispatchInfo.Throw(inner);
        }

        tokenCount = Join(tokens.Span, blocks);
        return done;
    }

    // A space behind what is no space begins a piece, whatever stands on either side.
    private static bool IsCut(byte before, byte behind) =>
        behind is (byte)' ' or (byte)'\n' && before is > 0x20 and < 0x7F;

    private int Cut(ReadOnlySpan<byte> text)
    {
        var blocks = Math.Clamp(text.Length / BlockBytes, 1, tokenizers.Length);
        var count = 0;
        for (var block = 1; block < blocks; block++)
        {
            var place = Math.Max((int)((long)text.Length * block / blocks), starts[count] + 1);
            while (place < text.Length && !IsCut(text[place - 1], text[place]))
                place++;
            if (place < text.Length)
                starts[++count] = place;
        }

        starts[count + 1] = text.Length;
        return count + 1;
    }

    private int Join(Span<ushort> tokens, int blocks)
    {
        var count = counts[0];
        for (var block = 1; block < blocks; block++)
        {
            tokens.Slice(starts[block], counts[block]).CopyTo(tokens[count..]);
            count += counts[block];
        }

        return count;
    }
}

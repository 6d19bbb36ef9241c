namespace Gpt2Cluster.Data.Tokens;

/// <summary>
/// Byte pair encoding (Sennrich et al. 2016) of one piece. Always merges the pair of lowest rank, the leftmost of equal
/// ones, as OpenAI's encoder does. A piece is cut first where two bytes meet that no token has side by side, since no
/// merge crosses there; short stretches are searched for their lowest pair again and again, long ones take it from a
/// heap (<see cref="LongMerge"/>).
/// </summary>
internal sealed class BytePairMerger(MergeTable merges)
{
    private const int LongestPlainBytes = 128;
    private const int EnoughBytes = 1 << 20;

    /// <summary>Longest piece that is encoded at once; of longer ones the settled part comes first.</summary>
    public int LongestAtOnceBytes { get; } = LongestWholeBytes(merges);

    /// <summary>
    /// Writes the tokens of <paramref name="piece"/>, any bytes, to <paramref name="tokens"/>, which has room for a
    /// token a byte.
    /// </summary>
    /// <returns>How many there are.</returns>
    public int Encode(ReadOnlySpan<byte> piece, Span<ushort> tokens)
    {
        var count = 0;
        while (!piece.IsEmpty)
        {
            var length = 1;
            while (length < piece.Length && merges.MayJoin(piece[length - 1], piece[length]))
                length++;
            count += length <= LongestPlainBytes
                ? MergePlainly(piece[..length], tokens[count..])
                : LongMerge.Encode(merges, piece[..length], tokens[count..]);
            piece = piece[length..];
        }

        merges.ToIds(tokens[..count]);
        return count;
    }

    /// <summary>
    /// Writes the tokens at the beginning of a piece that its rest cannot change. The rest, encoded as a piece of its
    /// own, has the tokens that it has in the whole: no merge crosses the place between them.
    /// </summary>
    /// <param name="beginning">The first bytes of a piece, <see cref="LongestAtOnceBytes"/>.</param>
    /// <param name="bytesOf">The length of a token by its id.</param>
    /// <param name="tokens">Where to; with room for a token a byte.</param>
    /// <param name="tokenCount">Tokens written that count.</param>
    /// <returns>The bytes they stand for, up to a character's beginning; 0 where none is settled.</returns>
    public int EncodeSettled(
        ReadOnlySpan<byte> beginning, Func<int, int> bytesOf, Span<ushort> tokens, out int tokenCount)
    {
        var (settled, end) = (0, 0);
        var last = beginning.Length - Math.Min(merges.UnsettledBytes, beginning.Length);
        tokenCount = 0;
        if (last == 0)
            return 0;
        var count = Encode(beginning, tokens);
        for (var index = 0; index < count; index++)
        {
            end += bytesOf(tokens[index]);
            if (end > last)
                break;
            // A rest that began within a character would be cut otherwise.
            if ((beginning[end] & 0xC0) != 0x80)
                (settled, tokenCount) = (end, index + 1);
        }

        return settled;
    }

    private static int LongestWholeBytes(MergeTable merges)
    {
        var roomy = 4L * merges.UnsettledBytes;
        return roomy > Gpt2Tokenizer.LongestPieceBytes ? Gpt2Tokenizer.LongestPieceBytes
            : (int)Math.Max(roomy, EnoughBytes);
    }

    // ranks[i] is the rank of the pair of part i and the next; the last part has none.
    private int MergePlainly(ReadOnlySpan<byte> piece, Span<ushort> parts)
    {
        var ranks = (stackalloc ushort[LongestPlainBytes]);
        var count = piece.Length;
        for (var i = 0; i < count; i++)
            parts[i] = merges.OfByte(piece[i]);
        for (var i = 0; i + 1 < count; i++)
            ranks[i] = merges.OfBytes(piece[i], piece[i + 1]);
        while (true)
        {
            var place = Lowest(ranks[..(count - 1)], out var rank);
            if (rank == MergeTable.None)
                return count;
            parts[place] = merges.Made(rank);
            parts[(place + 2)..count].CopyTo(parts[(place + 1)..]);
            if (place + 2 < count)
                ranks[(place + 2)..(count - 1)].CopyTo(ranks[(place + 1)..]);
            count--;
            ranks[place] = place + 1 < count ? merges.Of(parts[place], parts[place + 1]) : MergeTable.None;
            if (place > 0)
                ranks[place - 1] = merges.Of(parts[place - 1], parts[place]);
        }
    }

    private static int Lowest(ReadOnlySpan<ushort> ranks, out ushort lowest)
    {
        var place = 0;
        lowest = MergeTable.None;
        for (var i = 0; i < ranks.Length; i++)
        {
            if (ranks[i] < lowest)
                (place, lowest) = (i, ranks[i]);
        }

        return place;
    }
}

namespace Gpt2Cluster.Data.Tokens;

/// <summary>
/// The tokens of pieces that <see cref="PieceCache"/> has no room for: runs of blanks, long names, words of other
/// scripts. Keys and tokens lie one behind another in two arrays; when one is full, everything is forgotten. Constant
/// memory; one thread at a time.
/// </summary>
internal sealed class LongPieceCache
{
    /// <summary>Most bytes of a piece.</summary>
    public const int LongestPieceBytes = 255;

    private const int SlotBits = 15;
    private const int MostPieces = 1 << (SlotBits - 1);
    private const int KeyBytes = 1 << 20;
    private const int TokenPlaces = 1 << 18;

    private readonly Slot[] slots = new Slot[1 << SlotBits];
    private readonly byte[] keys = new byte[KeyBytes];
    private readonly ushort[] tokens = new ushort[TokenPlaces];
    private int count;
    private int keyEnd;
    private int tokenEnd;

    /// <summary>The tokens of a piece; empty when it is not known.</summary>
    public ReadOnlySpan<ushort> Find(ReadOnlySpan<byte> piece)
    {
        ref var slot = ref Place(piece, out _);
        return tokens.AsSpan(slot.TokenStart, slot.TokenCount);
    }

    /// <summary>Remembers the tokens of a piece that is not known.</summary>
    public void Add(ReadOnlySpan<byte> piece, ReadOnlySpan<ushort> pieceTokens)
    {
        if (count == MostPieces || keyEnd + piece.Length > KeyBytes || tokenEnd + pieceTokens.Length > TokenPlaces)
        {
            Array.Clear(slots);
            (count, keyEnd, tokenEnd) = (0, 0, 0);
        }

        ref var slot = ref Place(piece, out var hash);
        slot = new Slot(hash, keyEnd, tokenEnd, (byte)piece.Length, (byte)pieceTokens.Length);
        piece.CopyTo(keys.AsSpan(keyEnd));
        pieceTokens.CopyTo(tokens.AsSpan(tokenEnd));
        keyEnd += piece.Length;
        tokenEnd += pieceTokens.Length;
        count++;
    }

    // The piece's slot, or the empty one where it belongs.
    private ref Slot Place(ReadOnlySpan<byte> piece, out int hash)
    {
        hash = ByteSequenceComparer.Instance.GetHashCode(piece);
        var index = (int)((uint)hash >> (32 - SlotBits));
        while (true)
        {
            ref var slot = ref slots[index];
            if (slot.KeyLength == 0 || (slot.Hash == hash && slot.KeyLength == piece.Length
                && keys.AsSpan(slot.KeyStart, slot.KeyLength).SequenceEqual(piece)))
                return ref slot;
            index = (index + 1) & (slots.Length - 1);
        }
    }

    private readonly record struct Slot(int Hash, int KeyStart, int TokenStart, byte KeyLength, byte TokenCount);
}

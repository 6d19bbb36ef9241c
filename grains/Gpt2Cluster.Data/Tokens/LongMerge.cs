namespace Gpt2Cluster.Data.Tokens;

/// <summary>
/// Byte pair encoding of a long stretch of bytes with a heap of pairs: n log n where searching the lowest pair is
/// quadratic. Takes up to 28 bytes of memory a byte of text.
/// </summary>
internal ref struct LongMerge
{
    private readonly MergeTable merges;
    private readonly ushort[] parts;
    private readonly ushort[] ranks;
    private readonly int[] next;
    private readonly int[] previous;
    private ulong[] heap;
    private int heapCount;

    private LongMerge(MergeTable merges, ReadOnlySpan<byte> piece)
    {
        // Part i begins at byte i; the parts that are left are linked. ranks[i] is the rank of part i and the next.
        this.merges = merges;
        parts = new ushort[piece.Length];
        ranks = new ushort[piece.Length];
        next = new int[piece.Length];
        previous = new int[piece.Length];
        heap = new ulong[piece.Length];
        for (var i = 0; i < piece.Length; i++)
            (parts[i], next[i], previous[i]) = (merges.OfByte(piece[i]), i + 1, i - 1);
        for (var i = 0; i < piece.Length; i++)
            Offer(i);
    }

    /// <summary>Writes the tokens of a piece, by their numbers in the table.</summary>
    /// <returns>How many there are.</returns>
    public static int Encode(MergeTable merges, ReadOnlySpan<byte> piece, Span<ushort> tokens)
    {
        var merge = new LongMerge(merges, piece);
        while (merge.heapCount > 0)
        {
            var pair = merge.Take();
            var left = (int)(uint)pair;
            // A pair whose halves have changed since it was offered is stale.
            if (merge.ranks[left] == (ushort)(pair >> 32))
                merge.Join(left);
        }

        var count = 0;
        for (var i = 0; i < piece.Length; i = merge.next[i])
            tokens[count++] = merge.parts[i];
        return count;
    }

    private void Join(int left)
    {
        var right = next[left];
        parts[left] = merges.Made(ranks[left]);
        ranks[right] = MergeTable.None;
        next[left] = next[right];
        if (next[left] < parts.Length)
            previous[next[left]] = left;
        Offer(left);
        if (previous[left] >= 0)
            Offer(previous[left]);
    }

    private void Offer(int left)
    {
        ranks[left] = next[left] < parts.Length ? merges.Of(parts[left], parts[next[left]]) : MergeTable.None;
        if (ranks[left] == MergeTable.None)
            return;
        if (heapCount == heap.Length)
            Array.Resize(ref heap, heapCount + (heapCount / 2));
        var pair = ((ulong)ranks[left] << 32) | (uint)left;
        var place = heapCount++;
        while (place > 0 && heap[(place - 1) / 2] > pair)
        {
            heap[place] = heap[(place - 1) / 2];
            place = (place - 1) / 2;
        }

        heap[place] = pair;
    }

    private ulong Take()
    {
        var lowest = heap[0];
        var last = heap[--heapCount];
        var place = 0;
        for (var child = 1; child < heapCount; child = (2 * place) + 1)
        {
            if (child + 1 < heapCount && heap[child + 1] < heap[child])
                child++;
            if (heap[child] >= last)
                break;
            heap[place] = heap[child];
            place = child;
        }

        heap[place] = last;
        return lowest;
    }
}

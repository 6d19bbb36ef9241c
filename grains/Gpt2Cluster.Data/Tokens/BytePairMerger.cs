namespace Gpt2Cluster.Data.Tokens;

/// <summary>
/// Byte pair encoding (Sennrich et al. 2016) of one piece with a heap: n log n where the plain method is quadratic.
/// Always merges the pair of lowest rank, the leftmost of equal ones, as OpenAI's encoder does.
/// </summary>
internal sealed class BytePairMerger(Gpt2Vocabulary vocabulary)
{
    private const int NoPart = -1;

    /// <summary>Appends the tokens of <paramref name="piece"/>, any bytes, to <paramref name="tokens"/>.</summary>
    public void Encode(ReadOnlySpan<byte> piece, List<int> tokens)
    {
        // Part i begins at byte i and is ends[i] - i long; a part that was merged away has ends[i] == NoPart.
        var ends = new int[piece.Length];
        var previous = new int[piece.Length];
        var pairs = new PriorityQueue<(int Left, int End), (int Rank, int Left)>(piece.Length);
        for (var i = 0; i < piece.Length; i++)
        {
            ends[i] = i + 1;
            previous[i] = i - 1;
        }

        for (var i = 0; i + 1 < piece.Length; i++)
            Offer(piece, pairs, i, i + 2);
        while (pairs.TryDequeue(out var pair, out _))
            Merge(piece, ends, previous, pairs, pair.Left, pair.End);
        for (var i = 0; i < piece.Length; i = ends[i])
            tokens.Add(vocabulary.Find(piece[i..ends[i]]));
    }

    private void Merge(
        ReadOnlySpan<byte> piece,
        int[] ends,
        int[] previous,
        PriorityQueue<(int Left, int End), (int Rank, int Left)> pairs,
        int left,
        int end)
    {
        // A pair whose halves have changed since it was offered is stale.
        var right = ends[left];
        if (right == NoPart || right >= end || ends[right] != end)
            return;
        ends[left] = end;
        ends[right] = NoPart;
        if (end < piece.Length)
        {
            previous[end] = left;
            Offer(piece, pairs, left, ends[end]);
        }

        if (previous[left] is >= 0 and var before)
            Offer(piece, pairs, before, end);
    }

    private void Offer(
        ReadOnlySpan<byte> piece,
        PriorityQueue<(int Left, int End), (int Rank, int Left)> pairs,
        int left,
        int end)
    {
        if (end - left <= vocabulary.LongestTokenBytes && vocabulary.Find(piece[left..end]) is >= 0 and var rank)
            pairs.Enqueue((left, end), (rank, left));
    }
}

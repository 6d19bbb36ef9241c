namespace Gpt2Cluster.Data.Tokens;

/// <summary>
/// Which merges a vocabulary has, for fast looking up. Tokens have numbers of their own here: bytes 0 to 255 in the
/// order of their ids, then the merges in theirs, so that what a merge makes has the merge's number, which is its rank.
/// OpenAI's vocabulary has its ids in this order. Read by many threads at once.
/// </summary>
internal sealed class MergeTable
{
    /// <summary>No merge: the two stay apart.</summary>
    public const ushort None = ushort.MaxValue;

    private const int ByteCount = 256;
    private const uint Multiplier = 0x9E3779B1;
    private const double MostFilled = 0.6;

    // What lies further from the end of a stretch cannot be reached by what follows it; at least that much, so that
    // what is left of a run of letters, blanks or others is still one.
    private const int FewestUnsettledBytes = 64;

    // Both tokens, and the merge's number above: 0 is an empty slot, since that is no merge.
    private readonly ulong[] slots;
    private readonly int shift;
    private readonly ushort[] byteTokens = new ushort[ByteCount];
    private readonly ushort[] byteMerges = new ushort[ByteCount * ByteCount];
    private readonly ulong[] neighbours = new ulong[(ByteCount * ByteCount) / 64];

    // Ids by number; null where they are the same. What a merge makes where an earlier one makes it too; null where
    // each makes a token of its own.
    private readonly ushort[]? ids;
    private readonly ushort[]? made;

    /// <summary>Builds the table of a vocabulary.</summary>
    public MergeTable(Gpt2Vocabulary vocabulary)
    {
        var merges = vocabulary.MergeList;
        var numberOf = new int[vocabulary.Count];
        Array.Fill(numberOf, -1);
        var all = new ushort[ByteCount + merges.Count];
        var results = new ushort[all.Length];
        NumberBytes(vocabulary, all, numberOf);
        for (var index = 0; index < merges.Count; index++)
        {
            var (number, id) = (ByteCount + index, merges[index].Result);
            all[number] = id;
            if (numberOf[id] < 0)
                numberOf[id] = number;
            results[number] = (ushort)numberOf[id];
        }

        ids = IsIdentity(all, 0) ? null : all;
        made = IsIdentity(results, ByteCount) ? null : results;
        var bits = Math.Max(4, (int)Math.Ceiling(Math.Log2(merges.Count / MostFilled)));
        slots = new ulong[1 << bits];
        shift = 32 - bits;
        for (var index = 0; index < merges.Count; index++)
            Add(vocabulary, merges[index], ByteCount + index, numberOf);
        for (var left = 0; left < ByteCount; left++)
        {
            for (var right = 0; right < ByteCount; right++)
                byteMerges[(left << 8) | right] = Of(byteTokens[left], byteTokens[right]);
        }

        UnsettledBytes = Unsettled(vocabulary);
    }

    /// <summary>
    /// Bytes at the end of a stretch whose tokens may change with what follows; those before cannot. It is the sum of
    /// the lengths of all merges' left tokens: merges come in the order of their ranks, and each rank carries a
    /// difference at most one token to the left, the left one of its pair, since of pairs that overlap the left one is
    /// merged first. <see cref="int.MaxValue"/> where merges do not come in that order: where one has a part that a
    /// later one makes too.
    /// </summary>
    public int UnsettledBytes { get; }

    /// <summary>The token of a single byte.</summary>
    public ushort OfByte(byte value) => byteTokens[value];

    /// <summary>The merge of two bytes, or <see cref="None"/>.</summary>
    public ushort OfBytes(byte left, byte right) => byteMerges[(left << 8) | right];

    /// <summary>The merge of two neighbours, which is its rank, or <see cref="None"/>.</summary>
    public ushort Of(ushort left, ushort right)
    {
        var pair = ((uint)left << 16) | right;
        var index = (pair * Multiplier) >> shift;
        while (true)
        {
            var slot = slots[index];
            if (slot == 0)
                return None;
            if ((uint)slot == pair)
                return (ushort)(slot >> 32);
            index = (index + 1) & (uint)(slots.Length - 1);
        }
    }

    /// <summary>The token that a merge makes.</summary>
    public ushort Made(ushort merge) => made is null ? merge : made[merge];

    /// <summary>Whether a merge has these two bytes at its joint; if none has, no merge ever joins them.</summary>
    public bool MayJoin(byte left, byte right)
    {
        var place = (left << 8) | right;
        return ((neighbours[place >> 6] >> place) & 1) != 0;
    }

    /// <summary>Turns numbers into ids.</summary>
    public void ToIds(Span<ushort> tokens)
    {
        if (ids is null)
            return;
        foreach (ref var token in tokens)
            token = ids[token];
    }

    private static bool IsIdentity(ReadOnlySpan<ushort> numbers, int from)
    {
        for (var number = from; number < numbers.Length; number++)
        {
            if (numbers[number] != number)
                return false;
        }

        return true;
    }

    private void NumberBytes(Gpt2Vocabulary vocabulary, ushort[] all, int[] numberOf)
    {
        var number = 0;
        for (var id = 0; id < vocabulary.Count; id++)
        {
            if (!vocabulary.IsText(id) || vocabulary.BytesOf(id) is not [var value])
                continue;
            all[number] = (ushort)id;
            numberOf[id] = number;
            byteTokens[value] = (ushort)number++;
        }
    }

    private void Add(Gpt2Vocabulary vocabulary, TokenMerge merge, int number, int[] numberOf)
    {
        var joint = (vocabulary.BytesOf(merge.Left)[^1] << 8) | vocabulary.BytesOf(merge.Right)[0];
        neighbours[joint >> 6] |= 1UL << joint;
        var pair = ((uint)numberOf[merge.Left] << 16) | (uint)numberOf[merge.Right];
        var index = (pair * Multiplier) >> shift;
        while (slots[index] != 0)
            index = (index + 1) & (uint)(slots.Length - 1);
        slots[index] = ((ulong)number << 32) | pair;
    }

    private static int Unsettled(Gpt2Vocabulary vocabulary)
    {
        var lastMaker = new int[vocabulary.Count];
        Array.Fill(lastMaker, -1);
        var merges = vocabulary.MergeList;
        for (var index = 0; index < merges.Count; index++)
            lastMaker[merges[index].Result] = index;
        var sum = (long)FewestUnsettledBytes;
        for (var index = 0; index < merges.Count; index++)
        {
            if (lastMaker[merges[index].Left] >= index || lastMaker[merges[index].Right] >= index)
                return int.MaxValue;
            sum += vocabulary.BytesOf(merges[index].Left).Length;
        }

        return (int)Math.Min(sum, int.MaxValue);
    }
}

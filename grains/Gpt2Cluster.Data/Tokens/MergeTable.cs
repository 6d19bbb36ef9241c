namespace Gpt2Cluster.Data.Tokens;

/// <summary>
/// Which token two neighbouring tokens merge into: every way to cut a token in two tokens is an entry. Read by many
/// threads at once.
/// </summary>
internal sealed class MergeTable
{
    /// <summary>No token: the two do not merge.</summary>
    public const ushort None = ushort.MaxValue;

    private const uint Multiplier = 0x9E3779B1;
    private const double MostFilled = 0.85;

    // Both tokens, and the merged one above: 0 is an empty slot, since no token merges into token 0, a single byte.
    private readonly ulong[] slots;
    private readonly int shift;
    private readonly ushort[] byteTokens = new ushort[256];
    private readonly ushort[] byteMerges = new ushort[256 * 256];
    private readonly ulong[] neighbours = new ulong[(256 * 256) / 64];

    /// <summary>Builds the table of a vocabulary.</summary>
    public MergeTable(Gpt2Vocabulary vocabulary)
    {
        var pairs = new List<ulong>();
        for (var id = 0; id < Gpt2Vocabulary.EndOfText; id++)
            Cut(vocabulary, id, pairs);
        var bits = (int)Math.Ceiling(Math.Log2(pairs.Count / MostFilled));
        slots = new ulong[1 << bits];
        shift = 32 - bits;
        foreach (var pair in pairs)
            Insert(pair);
        for (var left = 0; left < 256; left++)
        {
            for (var right = 0; right < 256; right++)
                byteMerges[(left << 8) | right] = Of(byteTokens[left], byteTokens[right]);
        }
    }

    /// <summary>The token of a single byte.</summary>
    public ushort OfByte(byte value) => byteTokens[value];

    /// <summary>The token that two bytes merge into, or <see cref="None"/>.</summary>
    public ushort OfBytes(byte left, byte right) => byteMerges[(left << 8) | right];

    /// <summary>
    /// The token that two neighbours merge into, which is also the merge's rank, or <see cref="None"/>.
    /// </summary>
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

    /// <summary>Whether a token has these two bytes side by side; if none has, no merge ever joins them.</summary>
    public bool MayJoin(byte left, byte right)
    {
        var place = (left << 8) | right;
        return ((neighbours[place >> 6] >> place) & 1) != 0;
    }

    private void Cut(Gpt2Vocabulary vocabulary, int id, List<ulong> pairs)
    {
        var bytes = vocabulary.BytesOf(id);
        if (bytes.Length == 1)
            byteTokens[bytes[0]] = (ushort)id;
        for (var middle = 1; middle < bytes.Length; middle++)
        {
            var place = (bytes[middle - 1] << 8) | bytes[middle];
            neighbours[place >> 6] |= 1UL << place;
            var left = vocabulary.Find(bytes[..middle]);
            var right = vocabulary.Find(bytes[middle..]);
            if (left >= 0 && right >= 0)
                pairs.Add(((ulong)id << 32) | ((ulong)left << 16) | (uint)right);
        }
    }

    private void Insert(ulong pair)
    {
        var index = ((uint)pair * Multiplier) >> shift;
        while (slots[index] != 0)
            index = (index + 1) & (uint)(slots.Length - 1);
        slots[index] = pair;
    }
}

using System.Numerics;

namespace Gpt2Cluster.Data.Inspection;

/// <summary>
/// Where something of a certain hash stood first: a table of fixed size with linear probing, eight bytes an entry, of
/// which 24 bits tell hashes apart and 40 are the place. What it answers is a guess to be verified. When it is full,
/// what it holds stays and nothing more is taken.
/// </summary>
internal sealed class FingerprintTable
{
    /// <summary>Share of the places that are used at most: beyond it, probing takes long.</summary>
    public const double MostFilled = 0.75;

    private const int TagBits = 24;
    private const int PlaceBits = 64 - TagBits;
    private const ulong TagMask = (1UL << TagBits) - 1;
    private const ulong PlaceMask = (1UL << PlaceBits) - 1;
    private const int FewestBits = 10;

    private readonly ulong[] entries;
    private readonly long most;
    private readonly int bits;
    private long count;

    /// <summary>Makes one.</summary>
    /// <param name="expected">Entries there will be.</param>
    /// <param name="mostPlaces">Places at most, a power of two.</param>
    public FingerprintTable(long expected, long mostPlaces)
    {
        var wanted = BitOperations.RoundUpToPowerOf2((ulong)Math.Max(1, expected / MostFilled));
        entries = new ulong[Math.Min(Math.Max(wanted, 1UL << FewestBits), (ulong)mostPlaces)];
        bits = BitOperations.Log2((ulong)entries.Length);
        most = (long)(entries.Length * MostFilled);
    }

    /// <summary>Whether something was not taken.</summary>
    public bool IsFull { get; private set; }

    /// <summary>Remembers a place, 0 to 2^40 - 2.</summary>
    public void Add(ulong hash, long place)
    {
        if (count == most || (ulong)place >= PlaceMask)
        {
            IsFull = true;
            return;
        }

        var index = Index(hash);
        while (entries[index] != 0)
            index = Next(index);
        entries[index] = (Tag(hash) << PlaceBits) | (ulong)(place + 1);
        count++;
    }

    /// <summary>The next place that may be one of this hash, in the order in which they were added.</summary>
    /// <param name="hash">The hash.</param>
    /// <param name="probe">-1 at first; where the search stands.</param>
    /// <returns>The place; -1 if there is none any more.</returns>
    public long Find(ulong hash, ref long probe)
    {
        var tag = Tag(hash);
        for (var index = probe < 0 ? Index(hash) : Next(probe); entries[index] != 0; index = Next(index))
        {
            if (entries[index] >> PlaceBits != tag)
                continue;
            probe = index;
            return (long)(entries[index] & PlaceMask) - 1;
        }

        return -1;
    }

    // The low bits: the least of several hashes has no random high ones.
    private long Index(ulong hash) => (long)(hash & ((ulong)entries.Length - 1));

    private ulong Tag(ulong hash) => (hash >> bits) & TagMask;

    private long Next(long index) => (index + 1) & (entries.Length - 1);
}

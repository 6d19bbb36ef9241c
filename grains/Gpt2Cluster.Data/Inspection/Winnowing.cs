using System.Numerics;

namespace Gpt2Cluster.Data.Inspection;

/// <summary>
/// Selects fingerprints of a document: of each window of neighbouring n-grams the one with the least hash, the last of
/// equals. Two documents that share a passage of <see cref="CertainTokens"/> select the same n-gram of it, wherever the
/// passage stands in them. Schleimer, Wilkerson and Aiken, "Winnowing: Local Algorithms for Document Fingerprinting"
/// (SIGMOD 2003); of random hashes, <c>2 / (window + 1)</c> are selected.
/// </summary>
internal sealed class Winnowing
{
    private readonly int gram;
    private readonly int window;

    // Rings, of a power of two each.
    private readonly ulong[] hashes;
    private readonly ushort[] tokens;
    private readonly ulong weightBehind;
    private ulong rolling;
    private long count;
    private long least;
    private long selected;

    /// <summary>Makes one.</summary>
    /// <param name="gram">Tokens of an n-gram, 1 or more.</param>
    /// <param name="window">N-grams of a window, 1 or more.</param>
    public Winnowing(int gram, int window)
    {
        this.gram = gram;
        this.window = window;
        hashes = new ulong[BitOperations.RoundUpToPowerOf2((uint)window)];
        tokens = new ushort[BitOperations.RoundUpToPowerOf2((uint)gram)];
        weightBehind = RollingHash.WeightBehind(gram);
        CertainTokens = gram + window - 1;
        Begin();
    }

    /// <summary>A shared passage of so many tokens has a shared fingerprint.</summary>
    public int CertainTokens { get; }

    /// <summary>The hash of the n-gram that was selected.</summary>
    public ulong Hash => HashAt(selected);

    /// <summary>Index of its first token in the document.</summary>
    public long Start => selected;

    /// <summary>Begins another document.</summary>
    public void Begin() => (rolling, count, least, selected) = (0, 0, -1, -1);

    /// <summary>Takes the document's next token.</summary>
    /// <returns>Whether another n-gram was selected.</returns>
    public bool Next(ushort token)
    {
        rolling = RollingHash.Append(rolling, token);
        if (count >= gram)
            rolling -= (tokens[(count - gram) & (tokens.Length - 1)] + 1UL) * weightBehind;
        tokens[count & (tokens.Length - 1)] = token;
        count++;
        var place = count - gram;
        if (place < 0)
            return false;

        var hash = RollingHash.Mix(rolling);
        hashes[place & (hashes.Length - 1)] = hash;
        if (least >= 0 && least <= place - window)
            least = LeastUpTo(place);
        else if (least < 0 || hash <= HashAt(least))
            least = place;
        if (place < window - 1 || least == selected)
            return false;
        selected = least;
        return true;
    }

    private ulong HashAt(long place) => hashes[place & (hashes.Length - 1)];

    private long LeastUpTo(long place)
    {
        var best = place;
        for (var other = place - 1; other > place - window; other--)
        {
            if (HashAt(other) < HashAt(best))
                best = other;
        }

        return best;
    }
}

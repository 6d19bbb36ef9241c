using System.Runtime.CompilerServices;

namespace Gpt2Cluster.Core.Randomness;

/// <summary>Four random words.</summary>
public readonly record struct RandomWords(uint W0, uint W1, uint W2, uint W3)
{
    /// <summary>The word at <paramref name="index"/>, 0 to 3.</summary>
    public uint this[int index] => index switch { 0 => W0, 1 => W1, 2 => W2, _ => W3 };
}

/// <summary>
/// Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3" (SC 2011): a keyed
/// bijection of a 128-bit counter. It has no state, so any number can be drawn alone, anywhere, in any order.
/// </summary>
public static class Philox
{
    /// <summary>How often a counter is mixed.</summary>
    public const int Rounds = 10;

    /// <summary>Multiplies the first word of a counter.</summary>
    public const uint Multiplier0 = 0xD2511F53;

    /// <summary>Multiplies the third word of a counter.</summary>
    public const uint Multiplier1 = 0xCD9E8D57;

    /// <summary>Added to the key's lower word after a round.</summary>
    public const uint Weyl0 = 0x9E3779B9;

    /// <summary>Added to the key's upper word after a round.</summary>
    public const uint Weyl1 = 0xBB67AE85;

    /// <summary>The four words that belong to one counter under one key.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static RandomWords Draw(RandomWords counter, ulong key)
    {
        var (c0, c1, c2, c3) = counter;
        var (k0, k1) = ((uint)key, (uint)(key >> 32));
        for (var round = 0; round < Rounds; round++)
        {
            var product0 = (ulong)Multiplier0 * c0;
            var product1 = (ulong)Multiplier1 * c2;
            (c0, c1, c2, c3) = (
                (uint)(product1 >> 32) ^ c1 ^ k0, (uint)product1, (uint)(product0 >> 32) ^ c3 ^ k1, (uint)product0);
            k0 += Weyl0;
            k1 += Weyl1;
        }

        return new RandomWords(c0, c1, c2, c3);
    }
}

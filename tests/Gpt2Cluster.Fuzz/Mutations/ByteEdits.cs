using System.Buffers.Binary;

namespace Gpt2Cluster.Fuzz.Mutations;

/// <summary>Ways to damage bytes of which nothing is known.</summary>
internal static class ByteEdits
{
    private static readonly byte[] Telling =
        [0, 1, 2, 3, 7, 8, 0x0a, 0x0d, 0x20, 0x22, 0x2f, 0x3c, 0x5b, 0x7b, 0x7f, 0x80, 0x81, 0xc0, 0xed, 0xfe, 0xff];

    private static readonly ulong[] Boundaries =
    [
        0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x1_0000, 0x10_0000, 0x100_0000, 0x1000_0000,
        0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff, 0x1_0000_0000, 0x2000_0000_0000_0000,
        0x7fff_ffff_ffff_ffff, 0x8000_0000_0000_0000, 0xffff_ffff_ffff_ffff,
    ];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<Edit> All { get; } =
    [
        FlipBits, SetBytes, SetBytes, Overwrite, Overwrite, Overwrite, Nudge, Truncate, Delete, Duplicate, Exchange,
        Insert,
    ];

    private static byte[] FlipBits(byte[] bytes, MutationRandom random)
    {
        for (var count = random.Small(8); count > 0; count--)
            bytes[random.Below(bytes.Length)] ^= (byte)(1 << random.Below(8));
        return bytes;
    }

    private static byte[] SetBytes(byte[] bytes, MutationRandom random)
    {
        for (var count = random.Small(4); count > 0; count--)
            bytes[random.Below(bytes.Length)] = random.OneIn(2) ? random.Of(Telling) : (byte)random.Next();
        return bytes;
    }

    /// <summary>A whole number of 1, 2, 4 or 8 bytes, in either order, becomes a boundary of some type.</summary>
    private static byte[] Overwrite(byte[] bytes, MutationRandom random)
    {
        var value = random.Below(8) switch
        {
            0 => (ulong)bytes.Length - (ulong)random.Below(3) + 1,
            1 => random.Next() >> random.Below(64),
            _ => random.Of(Boundaries) + (random.OneIn(4) ? 1UL : 0),
        };
        Put(bytes, random, value);
        return bytes;
    }

    /// <summary>A byte is changed by little: a count or a length is off by one.</summary>
    private static byte[] Nudge(byte[] bytes, MutationRandom random)
    {
        bytes[random.Below(bytes.Length)] += (byte)(random.Below(7) - 3);
        return bytes;
    }

    private static byte[] Truncate(byte[] bytes, MutationRandom random) => bytes[..random.Below(bytes.Length + 1)];

    private static byte[] Delete(byte[] bytes, MutationRandom random)
    {
        var start = random.Below(bytes.Length);
        var end = Math.Min(bytes.Length, start + random.Small(bytes.Length));
        return [.. bytes.AsSpan(0, start), .. bytes.AsSpan(end)];
    }

    private static byte[] Duplicate(byte[] bytes, MutationRandom random)
    {
        var part = Part(bytes, random);
        return Inserted(bytes, part, random);
    }

    private static byte[] Exchange(byte[] bytes, MutationRandom random)
    {
        var part = Part(bytes, random).ToArray();
        var to = random.Below(bytes.Length - part.Length + 1);
        part.CopyTo(bytes.AsSpan(to));
        return bytes;
    }

    private static byte[] Insert(byte[] bytes, MutationRandom random)
    {
        var added = new byte[random.Small(64)];
        for (var i = 0; i < added.Length; i++)
            added[i] = random.OneIn(2) ? random.Of(Telling) : (byte)random.Next();
        return Inserted(bytes, added, random);
    }

    /// <summary>The same with other bytes in between, somewhere.</summary>
    internal static byte[] Inserted(byte[] bytes, ReadOnlySpan<byte> added, MutationRandom random)
    {
        var place = random.Below(bytes.Length + 1);
        return [.. bytes.AsSpan(0, place), .. added, .. bytes.AsSpan(place)];
    }

    private static ReadOnlySpan<byte> Part(byte[] bytes, MutationRandom random)
    {
        var length = random.Small(bytes.Length);
        return bytes.AsSpan(random.Below(bytes.Length - length + 1), length);
    }

    private static void Put(byte[] bytes, MutationRandom random, ulong value)
    {
        Span<byte> number = stackalloc byte[sizeof(ulong)];
        var width = Math.Min(bytes.Length, 1 << random.Below(4));
        if (random.OneIn(4))
        {
            BinaryPrimitives.WriteUInt64BigEndian(number, value);
            number = number[^width..];
        }
        else
        {
            BinaryPrimitives.WriteUInt64LittleEndian(number, value);
            number = number[..width];
        }

        number.CopyTo(bytes.AsSpan(random.Below(bytes.Length - width + 1)));
    }
}

/// <summary>Changes an input, in place or not; never given an empty one.</summary>
/// <param name="bytes">The input, which the edit may change.</param>
/// <param name="random">What it chooses by.</param>
/// <returns>The changed input.</returns>
internal delegate byte[] Edit(byte[] bytes, MutationRandom random);

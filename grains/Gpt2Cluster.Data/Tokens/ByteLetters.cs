namespace Gpt2Cluster.Data.Tokens;

/// <summary>
/// GPT-2's printable letter for every byte (<c>bytes_to_unicode</c> of OpenAI's encoder.py): printable Latin-1 stands
/// for itself, the other 68 bytes take the letters from U+0100 on, in order.
/// </summary>
internal static class ByteLetters
{
    private static readonly char[] Letters = Build();
    private static readonly Dictionary<char, byte> Bytes = Invert(Letters);

    /// <summary>The letter that stands for a byte in vocab.json and merges.txt.</summary>
    public static char Letter(byte value) => Letters[value];

    /// <summary>The bytes a token's letters stand for, or null when a letter stands for none.</summary>
    public static byte[]? ToBytes(ReadOnlySpan<char> letters)
    {
        var bytes = new byte[letters.Length];
        for (var i = 0; i < letters.Length; i++)
        {
            if (!Bytes.TryGetValue(letters[i], out bytes[i]))
                return null;
        }

        return bytes;
    }

    /// <summary>The letters that stand for bytes.</summary>
    public static string ToLetters(ReadOnlySpan<byte> bytes)
    {
        var letters = new char[bytes.Length];
        for (var i = 0; i < bytes.Length; i++)
            letters[i] = Letters[bytes[i]];
        return new string(letters);
    }

    private static char[] Build()
    {
        var letters = new char[256];
        var next = (char)256;
        for (var value = 0; value < 256; value++)
        {
            var printable = value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            letters[value] = printable ? (char)value : next++;
        }

        return letters;
    }

    private static Dictionary<char, byte> Invert(char[] letters)
    {
        var bytes = new Dictionary<char, byte>();
        for (var value = 0; value < 256; value++)
            bytes.Add(letters[value], (byte)value);
        return bytes;
    }
}

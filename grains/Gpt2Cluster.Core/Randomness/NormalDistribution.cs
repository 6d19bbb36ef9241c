namespace Gpt2Cluster.Core.Randomness;

/// <summary>
/// Normally distributed numbers by the method of Box and Muller (1958). Logarithm, sine and cosine are polynomials of
/// our own, made of IEEE 754 additions, multiplications, divisions and square roots only: those are rounded correctly
/// everywhere, so the bits do not depend on a machine's mathematical library.
/// </summary>
public static class NormalDistribution
{
    private const double Ln2 = 0.69314718055994530942;
    private const double HalfPi = 1.57079632679489661923;
    private const double PerWord = 1.0 / 4294967296.0;

    /// <summary>
    /// Fills with numbers of mean 0 and the given standard deviation, those of the positions from start on.
    /// </summary>
    public static void Fill(in RandomStream stream, Span<float> into, long start, float standardDeviation)
    {
        Span<float> four = stackalloc float[4];
        for (var index = 0; index < into.Length;)
        {
            var within = (int)((start + index) & 3);
            Draw(stream.Block((start + index) >> 2), standardDeviation, four);
            var count = Math.Min(4 - within, into.Length - index);
            four.Slice(within, count).CopyTo(into[index..]);
            index += count;
        }
    }

    /// <summary>Four numbers out of four words: two pairs, each a radius and an angle.</summary>
    private static void Draw(in RandomWords words, float standardDeviation, Span<float> four)
    {
        Pair(words.W0, words.W1, standardDeviation, out four[0], out four[1]);
        Pair(words.W2, words.W3, standardDeviation, out four[2], out four[3]);
    }

    private static void Pair(
        uint radiusBits, uint angleBits, float standardDeviation, out float first, out float second)
    {
        // The half keeps the logarithm's argument above zero.
        var radius = Math.Sqrt(-2 * Log((radiusBits + 0.5) * PerWord)) * standardDeviation;
        var (sine, cosine) = SineCosineOfTurns(angleBits);
        first = (float)(radius * cosine);
        second = (float)(radius * sine);
    }

    /// <summary>Natural logarithm of a positive normal number, to about 1e-15 relative to 1.</summary>
    internal static double Log(double x)
    {
        var bits = BitConverter.DoubleToInt64Bits(x);
        var exponent = (int)(bits >> 52) - 1023;
        var mantissa = BitConverter.Int64BitsToDouble((bits & 0xFFFFFFFFFFFFF) | 0x3FF0000000000000);
        if (mantissa > 1.4142135623730951)
        {
            mantissa *= 0.5;
            exponent++;
        }

        // ln m = 2 artanh((m - 1) / (m + 1)), a series in odd powers; |s| is at most 0.172.
        var s = (mantissa - 1) / (mantissa + 1);
        var square = s * s;
        var sum = 0.0;
        for (var power = 19; power >= 1; power -= 2)
            sum = (sum * square) + (1.0 / power);
        return (exponent * Ln2) + (2 * s * sum);
    }

    /// <summary>Sine and cosine of 2 pi times bits / 2^32.</summary>
    internal static (double Sine, double Cosine) SineCosineOfTurns(uint bits)
    {
        // The nearest quarter turn is split off, so that the rest lies within an eighth of a turn.
        var quarter = (bits + 0x20000000) >> 30;
        var rest = (int)(bits - (quarter << 30)) * PerWord * 4 * HalfPi;
        var square = rest * rest;
        double sine = 0, cosine = 0;
        for (var power = 16; power >= 2; power -= 2)
        {
            cosine = (1 + cosine) * (-square / (power * (power - 1)));
            sine = (1 + sine) * (-square / (power * (power + 1)));
        }

        (sine, cosine) = (rest * (1 + sine), 1 + cosine);
        return quarter switch
        {
            0 => (sine, cosine),
            1 => (cosine, -sine),
            2 => (-sine, -cosine),
            _ => (-cosine, sine),
        };
    }
}

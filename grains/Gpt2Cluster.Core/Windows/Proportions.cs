using System.Globalization;
using System.Numerics;

namespace Gpt2Cluster.Core.Windows;

/// <summary>Proportions as people write them, as the smallest whole numbers that stand in the same.</summary>
public static class Proportions
{
    /// <summary>The whole numbers: 0.75 and 0.25 are 3 and 1.</summary>
    /// <param name="proportions">Above 0, one or more.</param>
    /// <exception cref="UserErrorException">They add up to more than a schedule may be long.</exception>
    public static IReadOnlyList<long> Whole(IReadOnlyList<decimal> proportions)
    {
        ArgumentNullException.ThrowIfNull(proportions);
        foreach (var proportion in proportions)
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(proportion);
        var scale = proportions.Max(proportion => proportion.Scale);
        BigInteger[] units = [.. proportions.Select(proportion => Units(proportion, scale))];
        var divisor = units.Aggregate(BigInteger.GreatestCommonDivisor);
        var sum = units.Aggregate(BigInteger.Zero, (total, unit) => total + (unit / divisor));
        if (sum > SourceSchedule.MaxPeriod)
        {
            throw new UserErrorException(string.Create(
                CultureInfo.InvariantCulture,
                $"The proportions of --mix are too fine: in smallest whole numbers they add up to {sum:#,0}, and "
                + $"{SourceSchedule.MaxPeriod:#,0} is the most; give them with fewer digits."));
        }

        return [.. units.Select(unit => (long)(unit / divisor))];
    }

    /// <summary>The number in units of 10^-scale, which is whole.</summary>
    private static BigInteger Units(decimal proportion, int scale)
    {
        var bits = decimal.GetBits(proportion);
        var digits = ((BigInteger)(uint)bits[2] << 64) + ((BigInteger)(uint)bits[1] << 32) + (uint)bits[0];
        return digits * BigInteger.Pow(10, scale - proportion.Scale);
    }
}

using System.CommandLine;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Client.Jobs;

/// <summary>Options of jobs as the numbers the contracts carry.</summary>
internal static class Numbers
{
    /// <summary>A whole number of at least <paramref name="least"/>.</summary>
    /// <exception cref="UserErrorException">It is smaller, or no 32-bit number.</exception>
    public static int Whole(this ParseResult arguments, Option<long?> option, int standard, int least = 0)
    {
        var value = arguments.GetValue(option) ?? standard;
        return value >= least && value <= int.MaxValue
            ? (int)value
            : throw new UserErrorException($"{option.Name} takes a whole number of {least} or more, not {value}.");
    }

    /// <summary>A number between two bounds.</summary>
    /// <exception cref="UserErrorException">It is not.</exception>
    public static double Real(
        this ParseResult arguments, Option<double?> option, double standard, double least, double most)
    {
        var value = arguments.GetValue(option) ?? standard;
        if (value >= least && value <= most)
            return value;
        var range = double.IsInfinity(most) ? $"of {least} or more" : $"from {least} to {most}";
        throw new UserErrorException(
            FormattableString.Invariant($"{option.Name} takes a number {range}, not {value}."));
    }
}

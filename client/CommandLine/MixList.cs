using System.Globalization;

namespace Gpt2Cluster.Client.CommandLine;

/// <summary>
/// The words of <c>--mix</c>: <c>PATH=NUMBER</c>, several behind commas. A path may hold commas before its first equals
/// sign, and equals signs, of which the last one splits; in double quotes it may hold anything but a double quote
/// before an equals sign.
/// </summary>
internal static class MixList
{
    private const NumberStyles Decimals =
        NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;

    /// <summary>Takes a list apart.</summary>
    /// <param name="list">One value of the option.</param>
    /// <param name="parts">The datasets and their proportions, in order.</param>
    /// <returns>What is wrong, as a sentence without its full stop; null if nothing is.</returns>
    public static string? Read(string list, ICollection<MixedPath> parts)
    {
        for (var rest = list; ;)
        {
            var (path, number, next) = rest.StartsWith('"') ? Quoted(rest) : Plain(rest);
            if (path is null)
                return $"--mix takes PATH=NUMBER behind commas; '{rest}' gives no number";
            if (path.Length == 0)
                return $"--mix takes PATH=NUMBER behind commas; '{rest}' names no path";
            if (!decimal.TryParse(number, Decimals, CultureInfo.InvariantCulture, out var proportion)
                || proportion <= 0)
            {
                return $"--mix takes a number above 0 for each dataset, not '{number}' for {path}";
            }

            parts.Add(new MixedPath(path, proportion));
            if (next is null)
                return null;
            rest = next;
        }
    }

    /// <summary>The words that name one dataset.</summary>
    public static string Write(string path, long weight)
    {
        var isPlain = !path.Contains(',', StringComparison.Ordinal) && !path.StartsWith('"');
        return string.Create(CultureInfo.InvariantCulture, $"{(isPlain ? path : $"\"{path}\"")}={weight}");
    }

    private static (string? Path, string Number, string? Next) Plain(string rest)
    {
        var first = rest.IndexOf('=', StringComparison.Ordinal);
        if (first < 0)
            return (null, "", null);
        var (part, next) = Cut(rest, first);
        var last = part.LastIndexOf('=');
        return (part[..last], part[(last + 1)..], next);
    }

    private static (string? Path, string Number, string? Next) Quoted(string rest)
    {
        var end = rest.IndexOf("\"=", 1, StringComparison.Ordinal);
        if (end < 0)
            return (null, "", null);
        var (part, next) = Cut(rest, end);
        return (part[1..end], part[(end + 2)..], next);
    }

    /// <summary>The part before the first comma from a place on, and what follows it; null for nothing.</summary>
    private static (string Part, string? Next) Cut(string rest, int from)
    {
        var comma = rest.IndexOf(',', from);
        return comma < 0 ? (rest, null) : (rest[..comma], rest[(comma + 1)..]);
    }
}

/// <summary>One dataset of <c>--mix</c>.</summary>
/// <param name="Path">What was named.</param>
/// <param name="Proportion">Its proportion of the tokens, above 0, to the sum of all.</param>
internal sealed record MixedPath(string Path, decimal Proportion);

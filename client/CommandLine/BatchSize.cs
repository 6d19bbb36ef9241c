using System.Globalization;

namespace Gpt2Cluster.Client.CommandLine;

/// <summary>Windows of a micro-batch, as <c>--batch-size</c> says.</summary>
/// <param name="Windows">How many; null for the largest number that fits every worker.</param>
internal sealed record BatchSize(long? Windows)
{
    /// <summary>The word for the largest that fits.</summary>
    public const string Auto = "auto";

    /// <summary>Reads a whole number of 1 or more, or <c>auto</c>; null for anything else.</summary>
    public static BatchSize? Parse(string text)
    {
        if (text == Auto)
            return new BatchSize((long?)null);
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var windows) && windows > 0
            ? new BatchSize(windows)
            : null;
    }
}

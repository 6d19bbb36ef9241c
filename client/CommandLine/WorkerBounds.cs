using System.Globalization;

namespace Gpt2Cluster.Client.CommandLine;

/// <summary>How many workers a run may have.</summary>
/// <param name="AtLeast">1 or more.</param>
/// <param name="AtMost">At least as many; <see cref="int.MaxValue"/> for all there are.</param>
internal sealed record WorkerBounds(int AtLeast, int AtMost)
{
    /// <summary>Reads <c>N</c> (exactly so many) or <c>MIN..MAX</c>, where MAX may be <c>all</c>.</summary>
    public static bool TryParse(string text, out WorkerBounds bounds)
    {
        bounds = new WorkerBounds(1, int.MaxValue);
        var parts = text.Split("..");
        if (parts.Length > 2 || !TryCount(parts[0], out var least))
            return false;
        var most = least;
        if (parts.Length == 2 && !(parts[1] == "all" ? (most = int.MaxValue) > 0 : TryCount(parts[1], out most)))
            return false;
        bounds = new WorkerBounds(least, most);
        return most >= least;
    }

    private static bool TryCount(string text, out int count) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out count) && count >= 1;
}

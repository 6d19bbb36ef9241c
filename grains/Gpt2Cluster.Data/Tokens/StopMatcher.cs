using System.Text;

namespace Gpt2Cluster.Data.Tokens;

/// <summary>
/// Passes text on until one of some stop texts is complete, however it is cut into pieces. What may be the beginning
/// of one is held back, so nothing of it is ever passed on.
/// </summary>
public sealed class StopMatcher
{
    private readonly IReadOnlyList<string> stops;
    private readonly StringBuilder held = new();

    /// <summary>Takes the stop texts; there may be none.</summary>
    /// <exception cref="ArgumentException">One is empty.</exception>
    public StopMatcher(IReadOnlyList<string> stops)
    {
        ArgumentNullException.ThrowIfNull(stops);
        if (stops.Contains(""))
            throw new ArgumentException("A stop text needs a character.", nameof(stops));
        this.stops = [.. stops.OrderByDescending(stop => stop.Length)];
    }

    /// <summary>Whether a stop text was found: the text is over.</summary>
    public bool IsFound { get; private set; }

    /// <summary>Takes the next piece.</summary>
    /// <returns>What may be shown now; nothing once a stop text was found. Of two that are complete at the same
    /// character the longer one counts.</returns>
    public string Add(string piece)
    {
        ArgumentNullException.ThrowIfNull(piece);
        foreach (var character in IsFound ? "" : piece)
        {
            held.Append(character);
            if (stops.FirstOrDefault(stop => EndsWith(stop, stop.Length)) is not { } stop)
                continue;
            IsFound = true;
            return Release(held.Length - stop.Length);
        }

        return IsFound ? "" : Release(held.Length - LongestBeginning());
    }

    /// <summary>What was held back, when the text is over without a stop text.</summary>
    public string Finish() => IsFound ? "" : Release(held.Length);

    private string Release(int count)
    {
        var text = held.ToString(0, count);
        held.Remove(0, count);
        if (IsFound)
            held.Clear();
        return text;
    }

    /// <summary>Characters at the end that a stop text may begin with.</summary>
    private int LongestBeginning()
    {
        var longest = 0;
        foreach (var stop in stops)
        {
            for (var count = Math.Min(stop.Length - 1, held.Length); count > longest; count--)
            {
                if (EndsWith(stop, count))
                    longest = count;
            }
        }

        return longest;
    }

    private bool EndsWith(string stop, int count)
    {
        if (held.Length < count)
            return false;
        for (var index = 0; index < count; index++)
        {
            if (held[held.Length - count + index] != stop[index])
                return false;
        }

        return true;
    }
}

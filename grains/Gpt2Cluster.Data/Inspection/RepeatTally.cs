namespace Gpt2Cluster.Data.Inspection;

/// <summary>Counts what is repeated, by the files it stands in. Of pairs of files it knows a bounded number.</summary>
/// <param name="files">The corpus' files.</param>
internal sealed class RepeatTally(FileSpans files)
{
    /// <summary>Pairs of files beyond these count in the sums only.</summary>
    private const int MostPairs = 1 << 16;

    private readonly Dictionary<(int File, int First), (long Count, long Tokens)> pairs = [];

    /// <summary>How many things are repeated.</summary>
    public long Count { get; private set; }

    /// <summary>Tokens of them.</summary>
    public long TokenCount { get; private set; }

    /// <summary>Adds one.</summary>
    /// <param name="place">One of its tokens.</param>
    /// <param name="first">One where it stands first.</param>
    /// <param name="tokens">Tokens that no other has counted.</param>
    public void Add(long place, long first, long tokens)
    {
        Count++;
        TokenCount += tokens;
        var pair = (files.IndexOf(place), files.IndexOf(first));
        if (pairs.TryGetValue(pair, out var before) || pairs.Count < MostPairs)
            pairs[pair] = (before.Count + 1, before.Tokens + tokens);
    }

    /// <summary>The pairs of files with the most tokens.</summary>
    public IReadOnlyList<RepeatedFile> Most(int length) =>
    [
        .. pairs.OrderByDescending(pair => pair.Value.Tokens).ThenBy(pair => pair.Key).Take(length)
            .Select(pair => new RepeatedFile(
                files.Name(pair.Key.File), files.Name(pair.Key.First), pair.Value.Count, pair.Value.Tokens)),
    ];
}

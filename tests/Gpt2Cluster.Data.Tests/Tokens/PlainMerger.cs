using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Tests.Tokens;

/// <summary>
/// Byte pair encoding by its definition: look at every pair, merge the first of the lowest rank, again.
/// </summary>
internal static class PlainMerger
{
    public static List<int> Encode(Gpt2Vocabulary vocabulary, byte[] piece)
    {
        var parts = piece.Select(value => new[] { value }).ToList();
        while (true)
        {
            var ranked = Enumerable.Range(0, parts.Count - 1)
                .Select(i => (Rank: vocabulary.Find([.. parts[i], .. parts[i + 1]]), Index: i))
                .Where(pair => pair.Rank >= 0)
                .ToList();
            if (ranked.Count == 0)
                return [.. parts.Select(part => vocabulary.Find(part))];
            var best = ranked.Min();
            parts[best.Index] = [.. parts[best.Index], .. parts[best.Index + 1]];
            parts.RemoveAt(best.Index + 1);
        }
    }
}

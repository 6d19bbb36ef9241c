using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Tests.Tokens;

/// <summary>
/// Byte pair encoding by its definition: look at every pair, make the first merge of the list, at its first place,
/// again.
/// </summary>
internal sealed class PlainMerger(Gpt2Vocabulary vocabulary)
{
    private readonly Dictionary<(int Left, int Right), int> ranks = vocabulary.MergeList
        .Select((merge, rank) => (Pair: ((int)merge.Left, (int)merge.Right), rank))
        .ToDictionary(each => each.Pair, each => each.rank);

    private readonly Dictionary<byte, int> bytes = Enumerable.Range(0, vocabulary.Count)
        .Where(id => vocabulary.IsText(id) && vocabulary.BytesOf(id).Length == 1)
        .ToDictionary(id => vocabulary.BytesOf(id)[0]);

    public List<int> Encode(byte[] piece)
    {
        var parts = piece.Select(value => bytes[value]).ToList();
        while (true)
        {
            var ranked = Enumerable.Range(0, parts.Count - 1)
                .Where(i => ranks.ContainsKey((parts[i], parts[i + 1])))
                .Select(i => (Rank: ranks[(parts[i], parts[i + 1])], Index: i))
                .ToList();
            if (ranked.Count == 0)
                return parts;
            var best = ranked.Min();
            parts[best.Index] = vocabulary.MergeList[best.Rank].Result;
            parts.RemoveAt(best.Index + 1);
        }
    }
}

using System.Text;
using CsCheck;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Tests.Tokens;

public sealed class BytePairMergerTests
{
    private readonly Gpt2Vocabulary vocabulary = Gpt2Vocabulary.BuiltIn;

    [Fact]
    public void Equals_the_plain_method()
    {
        var merger = new BytePairMergerAccess(vocabulary);
        var piece = Gen.OneOf(
            Gen.Byte.Array[1, 60],
            Gen.Char['a', 'h'].Array[1, 90].Select(letters => Encoding.ASCII.GetBytes(letters)),
            Choice.Of((byte)'=', (byte)'-').Array[1, 150]);
        piece.Sample(bytes => merger.Encode(bytes).SequenceEqual(Plain(bytes)), iter: 6_000);
    }

    // The dumb twin: look at every pair, merge the first of the lowest rank, start again.
    private List<int> Plain(byte[] piece)
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

    private sealed class BytePairMergerAccess(Gpt2Vocabulary vocabulary)
    {
        private readonly BytePairMerger merger = new(vocabulary);

        public List<int> Encode(byte[] piece)
        {
            var tokens = new List<int>();
            merger.Encode(piece, tokens);
            return tokens;
        }
    }
}

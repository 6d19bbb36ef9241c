using CsCheck;
using Gpt2Cluster.Data.Inspection;

namespace Gpt2Cluster.Data.Tests.Inspection;

public sealed class WinnowingTests
{
    [Fact]
    public void Selects_the_last_of_the_least_of_each_window() =>
        Gen.Select(Gen.Int[0, 3].Array[0, 60], Gen.Int[1, 6], Gen.Int[1, 9]).Sample(
            (tokens, gram, window) =>
            {
                var winnowing = new Winnowing(gram, window);
                // The second document: nothing is left of the first one.
                Select(winnowing, [3, 1, 2, 0, 0, 1]);
                var document = tokens.Select(token => (ushort)token).ToArray();
                Assert.Equal(Plain(document, gram, window), Select(winnowing, document));
            },
            iter: 5_000,
            threads: 1);

    private static List<(long, ulong)> Select(Winnowing winnowing, IEnumerable<ushort> document)
    {
        winnowing.Begin();
        return [.. document.Where(winnowing.Next).Select(_ => (winnowing.Start, winnowing.Hash))];
    }

    private static IEnumerable<(long, ulong)> Plain(ushort[] document, int gram, int window)
    {
        var hashes = Enumerable.Range(0, Math.Max(0, document.Length - gram + 1))
            .Select(start => RollingHash.Mix(
                document.Skip(start).Take(gram).Aggregate(0UL, RollingHash.Append)))
            .ToArray();
        return Enumerable.Range(0, Math.Max(0, hashes.Length - window + 1))
            .Select(first => Enumerable.Range(first, window).Reverse().MinBy(place => hashes[place]))
            .Distinct()
            .Select(place => ((long)place, hashes[place]));
    }
}

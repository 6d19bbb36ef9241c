using System.Diagnostics;
using Gpt2Cluster.Fuzz.Mutations;

namespace Gpt2Cluster.Fuzz.Targets;

/// <summary>
/// Parsers with a fault each, at every eighth input about: the tests of this program see that it is found. They are no
/// part of <c>all</c>.
/// </summary>
internal static class FaultyTargets
{
    private const int Rarity = 8;

    /// <summary>All of them.</summary>
    public static IReadOnlyList<ParserTarget> All { get; } =
    [
        Of("faulty-exception", () => throw new FormatException("a fault")),
        Of("faulty-crash", () => Process.GetCurrentProcess().Kill()),
        Of("faulty-memory", () => GC.KeepAlive(Enumerable.Range(0, 400).Select(_ => new byte[1 << 20]).ToArray())),
        Of("faulty-stack", () => Deeper(0)),
        Of("faulty-hang", () =>
        {
            while (true)
            {
            }
        }),
    ];

    private static ParserTarget Of(string name, Action fault) => new(
        name, Owner.Ours, () => [new Seed([1, 2, 3, 4])], _ => input =>
        {
            if (input.Sum(value => value) % Rarity == 1)
                fault();
        });

    private static int Deeper(int depth) => depth < 0 ? 0 : 1 + Deeper(depth + 1) + Deeper(depth + 2);
}

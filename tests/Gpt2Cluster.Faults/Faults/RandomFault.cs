using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Faults.Processes;

namespace Gpt2Cluster.Faults.Faults;

/// <summary>One fault of a random kind at a random point; a function of its seed.</summary>
/// <param name="Store">The cluster it happens to.</param>
/// <param name="Fault">What happens.</param>
/// <param name="Point">Where.</param>
/// <param name="StepsFromNow">In how many steps.</param>
internal sealed record RandomFault(StoreKind Store, Fault Fault, FaultPoint Point, int StepsFromNow)
{
    private const int MaximumSteps = 12;

    /// <summary>
    /// Each kind with its weight. What takes long is drawn less often than a kill, and freezes have random lengths:
    /// some end before anybody has noticed, some after the silo was declared dead.
    /// </summary>
    private static readonly (int Weight, Func<Random, Fault> Draw)[] Kinds =
    [
        (24, _ => new Kill(Victim.Worker, restartsAtOnce: false)),
        (16, _ => new Kill(Victim.Worker, restartsAtOnce: true)),
        (20, _ => new Kill(Victim.Coordinator, restartsAtOnce: false)),
        (12, _ => new Kill(Victim.Coordinator, restartsAtOnce: true)),
        (6, _ => new KillTwo()),
        (4, _ => new KillAll()),
        (7, random => new Freeze(Victim.Worker, SomeSeconds(random))),
        (7, random => new Freeze(Victim.Coordinator, SomeSeconds(random))),
        (2, random => new StoreOutage(isKilled: false, SomeSeconds(random))),
        (2, random => new StoreOutage(isKilled: true, SomeSeconds(random))),
    ];

    /// <summary>Draws one.</summary>
    /// <param name="seed">Its seed.</param>
    /// <param name="only">The store; null for either.</param>
    public static RandomFault Draw(int seed, StoreKind? only)
    {
        // Neighbouring seeds of .NET's generator begin alike; a prime keeps them apart.
        var random = new Random(unchecked(seed * 7919));
        random.Next();
        var store = only ?? (StoreKind)random.Next(Enum.GetValues<StoreKind>().Length);
        Fault fault;
        do
        {
            fault = DrawKind(random);
        }
        while (fault.ReasonAgainst(store) is not null);
        var points = Enum.GetValues<FaultPoint>();
        return new RandomFault(store, fault, points[random.Next(points.Length)], 1 + random.Next(MaximumSteps));
    }

    private static Fault DrawKind(Random random)
    {
        var drawn = random.Next(Kinds.Sum(kind => kind.Weight));
        foreach (var (weight, draw) in Kinds)
        {
            if (drawn < weight)
                return draw(random);
            drawn -= weight;
        }

        throw new InvalidOperationException("The weights do not add up.");
    }

    /// <summary>From half a second to twenty, short ones more often.</summary>
    private static TimeSpan SomeSeconds(Random random) =>
        TimeSpan.FromSeconds(Math.Round(0.5 * Math.Pow(40, random.NextDouble()), 1));
}

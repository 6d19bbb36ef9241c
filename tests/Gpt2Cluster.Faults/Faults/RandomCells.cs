using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Faults.Processes;

namespace Gpt2Cluster.Faults.Faults;

/// <summary>Cells drawn at random, each a function of its seed.</summary>
internal static class RandomCells
{
    /// <summary>So many seeds in a row are for one cluster.</summary>
    public const int SeedsPerCluster = 25;

    private const int MaximumSteps = 12;

    // More than a worker's share of the micro-batches, less than the ranges that one of them contributes.
    private const int MaximumPasses = 6;

    // Neighbouring seeds of .NET's generator begin alike; a prime keeps them apart.
    private const int SeedFactor = 7919;

    /// <summary>What clusters stand on, as often as it is drawn.</summary>
    private static readonly Ground[] Grounds =
        [Ground.Plain, Ground.Plain, Ground.Plain, Ground.Networks, Ground.SmallDisks];

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
        (80, random => new NetworkFault(Any<NetworkTrouble>(random), AnyVictim(random), SomeSeconds(random))),
        (20, _ => new FullDisk()),
        (20, random => new DamagedCheckpoint(Any<Damage>(random))),
    ];

    /// <summary>Draws one.</summary>
    /// <param name="seed">Its seed.</param>
    /// <param name="only">The store; null for either.</param>
    public static Cell Draw(int seed, StoreKind? only)
    {
        var cluster = new Random(seed / SeedsPerCluster * SeedFactor);
        var store = only ?? Any<StoreKind>(cluster);
        var ground = Grounds[cluster.Next(Grounds.Length)];
        var random = new Random(unchecked(seed * SeedFactor));
        while (true)
        {
            var fault = DrawKind(random);
            if (fault.Ground != Ground.Plain && fault.Ground != ground)
                continue;
            var cell = new Cell(store, ground, fault, Any<FaultPoint>(random), 1 + random.Next(MaximumSteps))
            {
                PassesBefore = random.Next(MaximumPasses),
            };
            if (fault.ReasonAgainst(store) is null)
                return cell;
        }
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

    private static T Any<T>(Random random)
        where T : struct, Enum
    {
        var values = Enum.GetValues<T>();
        return values[random.Next(values.Length)];
    }

    private static Victim AnyVictim(Random random) => random.Next(2) == 0 ? Victim.Worker : Victim.Coordinator;

    /// <summary>From half a second to twenty, short ones more often.</summary>
    private static TimeSpan SomeSeconds(Random random) =>
        TimeSpan.FromSeconds(Math.Round(0.5 * Math.Pow(40, random.NextDouble()), 1));
}

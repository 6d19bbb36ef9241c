namespace Gpt2Cluster.Faults.Faults;

/// <summary>Every fault there is, by name.</summary>
internal static class FaultKinds
{
    private static readonly TimeSpan LongFreeze = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan StoreOutageTime = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan NetworkTime = TimeSpan.FromSeconds(15);

    /// <summary>Those of the matrix.</summary>
    public static IReadOnlyList<Fault> All { get; } =
    [
        new Kill(Victim.Worker, restartsAtOnce: false),
        new Kill(Victim.Worker, restartsAtOnce: true),
        new Kill(Victim.Coordinator, restartsAtOnce: false),
        new Kill(Victim.Coordinator, restartsAtOnce: true),
        new KillTwo(),
        new KillAll(),
        new Freeze(Victim.Worker, LongFreeze),
        new Freeze(Victim.Coordinator, LongFreeze),
        new StoreOutage(isKilled: false, StoreOutageTime),
        new StoreOutage(isKilled: true, StoreOutageTime),
        new FullDisk(),
        new DamagedCheckpoint(Damage.Truncated),
        new DamagedCheckpoint(Damage.BitFlipped),
        new NetworkFault(NetworkTrouble.Cut, Victim.Worker, NetworkTime),
        new NetworkFault(NetworkTrouble.Cut, Victim.Coordinator, NetworkTime),
        new NetworkFault(NetworkTrouble.OneWay, Victim.Worker, NetworkTime),
        new NetworkFault(NetworkTrouble.OneWay, Victim.Coordinator, NetworkTime),
        new NetworkFault(NetworkTrouble.Alone, Victim.Worker, NetworkTime),
        new NetworkFault(NetworkTrouble.Alone, Victim.Coordinator, NetworkTime),
        new NetworkFault(NetworkTrouble.Lossy, Victim.Worker, NetworkTime),
        new NetworkFault(NetworkTrouble.Lossy, Victim.Coordinator, NetworkTime),
    ];
}

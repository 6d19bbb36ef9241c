using Gpt2Cluster.Faults.Network;
using Gpt2Cluster.Faults.Processes;

namespace Gpt2Cluster.Faults.Faults;

/// <summary>What is wrong with a silo's network.</summary>
internal enum NetworkTrouble
{
    /// <summary>Nothing passes between it and the other silos; the store and clients reach all.</summary>
    Cut,

    /// <summary>What it sends to the other silos is lost; what they send arrives.</summary>
    OneWay,

    /// <summary>Nothing passes between it and anybody.</summary>
    Alone,

    /// <summary>Of all it sends 5 % is lost, and the rest arrives 100 ms later.</summary>
    Lossy,
}

/// <summary>A silo's network is in trouble for a while.</summary>
/// <param name="trouble">How.</param>
/// <param name="victim">Whose.</param>
/// <param name="lasts">How long.</param>
internal sealed class NetworkFault(NetworkTrouble trouble, Victim victim, TimeSpan lasts)
    : Fault($"{NameOf(trouble)}-{victim.Word()}-{lasts.TotalSeconds:0.#}s", victim)
{
    private const double LossShare = 0.05;

    private static readonly TimeSpan Late = TimeSpan.FromMilliseconds(100);

    /// <inheritdoc/>
    public override TimeSpan Lasts => lasts;

    /// <inheritdoc/>
    public override Ground Ground => Ground.Networks;

    /// <inheritdoc/>
    public override bool MayDeclareDead => true;

    /// <inheritdoc/>
    public override bool IsOutlived(Cluster cluster, Silo target) => trouble != NetworkTrouble.Lossy
        && IsLongerThanASiloIsWaitedFor(lasts) && !cluster.IsStoreIn(target);

    /// <inheritdoc/>
    public override void Begin(Cluster cluster, Silo target) => Set(cluster, target, trouble == NetworkTrouble.Lossy
        ? new Way(IsCut: false, LossShare, Late)
        : new Way(IsCut: true, 0, TimeSpan.Zero));

    /// <inheritdoc/>
    public override void End(Cluster cluster, Silo target) => Set(cluster, target, null);

    private void Set(Cluster cluster, Silo target, Way? way)
    {
        var networks = cluster.Networks!;
        var own = networks.Silos[cluster.IndexOf(target)];
        var others = networks.Silos.Where(other => !other.Equals(own));
        if (trouble is NetworkTrouble.Alone or NetworkTrouble.Lossy)
            others = others.Append(networks.Home);
        foreach (var other in others)
        {
            networks.Set(own, other, way);
            if (trouble is NetworkTrouble.Cut or NetworkTrouble.Alone)
                networks.Set(other, own, way);
        }
    }

    private static string NameOf(NetworkTrouble trouble) => trouble switch
    {
        NetworkTrouble.Cut => "cut",
        NetworkTrouble.OneWay => "cut-one-way",
        NetworkTrouble.Alone => "isolate",
        _ => "lossy",
    };
}

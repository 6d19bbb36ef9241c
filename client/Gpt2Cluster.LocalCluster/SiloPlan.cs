using System.Globalization;

namespace Gpt2Cluster.LocalCluster;

/// <summary>What one silo of a local cluster is told.</summary>
internal sealed record SiloPlan
{
    /// <summary>
    /// Variables a silo is given unless the user has set them. glibc's large blocks on large pages take 2 to 4 % off a
    /// training step: libtorch's big buffers cost fewer address look-ups then.
    /// </summary>
    public static readonly IReadOnlyDictionary<string, string> Environment =
        new Dictionary<string, string> { ["GLIBC_TUNABLES"] = "glibc.malloc.hugetlb=1" };

    /// <summary>The silo's program.</summary>
    public required ProgramStart Program { get; init; }

    /// <summary>The data folder.</summary>
    public required DataFolder Folder { get; init; }

    /// <summary>The silo's name.</summary>
    public required string Name { get; init; }

    /// <summary>The cluster's id.</summary>
    public required string ClusterId { get; init; }

    /// <summary>The store of the first silo, HOST:PORT; null for the first silo itself, which hosts it.</summary>
    public string? Store { get; init; }

    /// <summary>Devices it owns, as the silo's option says it.</summary>
    public required string Devices { get; init; }

    /// <summary>The file the silo writes once it is ready.</summary>
    public string ReadyFile => Path.Combine(Folder.SiloFolder(Name), "ready.json");

    /// <summary>
    /// The silo's arguments: any free ports the first time, those of <paramref name="before"/> after that.
    /// </summary>
    public IEnumerable<string> Arguments(SiloPorts? before) =>
    [
        "--cluster-id", ClusterId,
        "--name", Name,
        "--data", Folder.Root,
        "--redis", Store ?? $"embedded:{Port(StorePort(before))}",
        "--silo-port", Port(before?.SiloPort),
        "--gateway-port", Port(before?.GatewayPort),
        "--stripe-port", Port(before?.StripePort),
        "--http", before?.Http ?? "127.0.0.1:0",
        "--devices", Devices,
        "--ready-file", ReadyFile,
        "--parent-pipe",
    ];

    private static string Port(int? port) => (port ?? 0).ToString(CultureInfo.InvariantCulture);

    private static int? StorePort(SiloPorts? before) => before is null
        ? null
        : int.Parse(before.Redis.AsSpan(before.Redis.LastIndexOf(':') + 1), CultureInfo.InvariantCulture);
}

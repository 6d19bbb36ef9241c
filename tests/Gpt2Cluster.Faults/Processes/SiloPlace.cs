namespace Gpt2Cluster.Faults.Processes;

/// <summary>Where a silo lives, whatever becomes of its processes.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Folder">The cluster's folder.</param>
/// <param name="FaultSocket">Where it tells of its fault points.</param>
/// <param name="Store">What <c>--redis</c> says at its first start.</param>
internal sealed record SiloPlace(string Name, string Folder, string FaultSocket, string Store)
{
    /// <summary>The address that others reach it at.</summary>
    public string Address { get; init; } = "127.0.0.1";

    /// <summary>Words before the silo's own: those that put it into a network of its own.</summary>
    public IReadOnlyList<string> Prefix { get; init; } = [];

    /// <summary>Holds the store's password; null if it has none.</summary>
    public string? PasswordFile { get; init; }

    /// <summary>Its data folder.</summary>
    public string DataFolder => Path.Combine(Folder, Name);

    /// <summary>What it says.</summary>
    public string LogFile => Path.Combine(Folder, $"{Name}.log");

    /// <summary>Written when it is ready.</summary>
    public string ReadyFile => Path.Combine(Folder, $"{Name}.ready.json");
}

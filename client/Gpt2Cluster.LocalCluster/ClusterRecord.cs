using System.Text.Json;
using System.Text.Json.Serialization;

namespace Gpt2Cluster.LocalCluster;

/// <summary>Which silos of a local cluster run, as the supervisor writes it into the data folder.</summary>
internal sealed record ClusterRecord
{
    /// <summary>The cluster's id.</summary>
    public required string ClusterId { get; init; }

    /// <summary>The supervisor.</summary>
    public required ProcessIdentity Supervisor { get; init; }

    /// <summary>Whether all silos were ready once.</summary>
    public required bool IsReady { get; init; }

    /// <summary>The silos, the one with the store first.</summary>
    public required IReadOnlyList<SiloRecord> Silos { get; init; }

    /// <summary>The record of a data folder; null if there is none that can be read.</summary>
    public static ClusterRecord? Read(DataFolder folder)
    {
        try
        {
            return JsonSerializer.Deserialize(
                File.ReadAllBytes(folder.ClusterFile), ClusterRecordContext.Default.ClusterRecord);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException or JsonException)
        {
            return null;
        }
    }

    /// <summary>Writes the record; a reader sees the old one or this one.</summary>
    public void Write(DataFolder folder)
    {
        var draft = folder.ClusterFile + ".draft";
        File.WriteAllText(draft, JsonSerializer.Serialize(this, ClusterRecordContext.Default.ClusterRecord));
        File.Move(draft, folder.ClusterFile, overwrite: true);
    }
}

/// <summary>One silo of a local cluster.</summary>
internal sealed record SiloRecord
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>Its process; null while it is being started again.</summary>
    public ProcessIdentity? Process { get; init; }

    /// <summary>Where it listens; null until it was ready once.</summary>
    public SiloPorts? Ports { get; init; }
}

/// <summary>What a silo writes into its ready file.</summary>
internal sealed record SiloPorts
{
    /// <summary>For other silos.</summary>
    public required int SiloPort { get; init; }

    /// <summary>For clients.</summary>
    public required int GatewayPort { get; init; }

    /// <summary>Of the stripe channel.</summary>
    public required int StripePort { get; init; }

    /// <summary>Where its pages are, HOST:PORT.</summary>
    public required string Http { get; init; }

    /// <summary>The store, HOST:PORT.</summary>
    public required string Redis { get; init; }

    /// <summary>Reads a ready file; null if it is not there yet.</summary>
    public static SiloPorts? Read(string path)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), ClusterRecordContext.Default.SiloPorts);
        }
        catch (IOException)
        {
            return null;
        }
    }
}

/// <summary>The generated metadata of the records.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(ClusterRecord))]
[JsonSerializable(typeof(SiloPorts))]
internal sealed partial class ClusterRecordContext : JsonSerializerContext;

using System.Text.Json;
using Gpt2Cluster.Grains.Placement;
using Gpt2Cluster.Silo.Ports;
using Gpt2Cluster.Silo.Settings;

namespace Gpt2Cluster.Silo.Membership;

/// <summary>Tells whoever started the silo where it listens, in a file that appears whole.</summary>
public sealed class ReadyFile(SiloSettings settings, Endpoints endpoints, SiloContext silo)
{
    /// <summary>
    /// Writes the file, if one was asked for: JSON with <c>name</c>, <c>pid</c>, the ports, <c>http</c> and
    /// <c>redis</c>.
    /// </summary>
    public void Write()
    {
        if (settings.ReadyFile is not { } path)
            return;
        var storeHost = settings.Store.IsEmbedded ? silo.AdvertisedHost : settings.Store.Host;
        var json = JsonSerializer.Serialize(new
        {
            name = silo.Name,
            pid = Environment.ProcessId,
            cluster_id = settings.ClusterId,
            silo_port = endpoints.Silo,
            gateway_port = endpoints.Gateway,
            stripe_port = silo.Stripes.Port,
            http = endpoints.Http.ToString(),
            redis = $"{storeHost}:{endpoints.Store}",
            workers = silo.Replicas.Devices.Count,
        });
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var draft = $"{path}.{Environment.ProcessId}.draft";
        File.WriteAllText(draft, json + "\n");
        File.Move(draft, path, overwrite: true);
    }
}

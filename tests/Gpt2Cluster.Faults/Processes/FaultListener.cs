using System.Collections.Concurrent;
using System.Net.Sockets;
using Gpt2Cluster.Core.Ports;

namespace Gpt2Cluster.Faults.Processes;

/// <summary>The Unix socket that the silos of a cluster connect to with each of their lives.</summary>
internal sealed class FaultListener : IDisposable
{
    private readonly Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly ConcurrentDictionary<string, FaultLink> links = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<(string Silo, FaultPoint Point), (long Step, int Skip)> armed = [];
    private readonly Sightings sightings;

    /// <summary>Listens.</summary>
    /// <param name="path">Where; short, as the system allows 107 bytes.</param>
    /// <param name="sightings">Where everything goes that is heard.</param>
    public FaultListener(string path, Sightings sightings)
    {
        Path = path;
        this.sightings = sightings;
        socket.Bind(new UnixDomainSocketEndPoint(path));
        socket.Listen();
        new Thread(Accept) { Name = "fault points", IsBackground = true }.Start();
    }

    /// <summary>What <c>GPT2CLUSTER_FAULT_POINTS</c> is to name.</summary>
    public string Path { get; }

    /// <summary>Arms a point in a silo, in this life or the next one.</summary>
    public void Arm(string silo, FaultPoint point, long step, int skip)
    {
        armed[(silo, point)] = (step, skip);
        links.GetValueOrDefault(silo)?.Arm(point, step, skip);
    }

    /// <summary>Lets everybody pass a point in a silo.</summary>
    public void Pass(string silo, FaultPoint point)
    {
        armed.TryRemove((silo, point), out _);
        links.GetValueOrDefault(silo)?.Pass(point);
    }

    /// <summary>Who stands at a point in a silo fails there as libtorch does, with these words.</summary>
    public void Fail(string silo, FaultPoint point, string words)
    {
        armed.TryRemove((silo, point), out _);
        links.GetValueOrDefault(silo)?.Fail(point, words);
    }

    public void Dispose()
    {
        socket.Dispose();
        foreach (var link in links.Values)
            link.Dispose();
    }

    private void Accept()
    {
        try
        {
            while (true)
            {
                var accepted = socket.Accept();
                new Thread(() => Serve(accepted)) { Name = "a silo's fault points", IsBackground = true }.Start();
            }
        }
        catch (Exception problem) when (problem is SocketException or ObjectDisposedException)
        {
            // Nobody listens any more.
        }
    }

    private void Serve(Socket accepted)
    {
        try
        {
            var link = new FaultLink(accepted);
            links[link.Silo] = link;
            foreach (var (key, (step, skip)) in armed.Where(each => each.Key.Silo == link.Silo))
                link.Arm(key.Point, step, skip);
            link.Listen(sightings);
        }
        catch (IOException)
        {
            accepted.Dispose();
        }
    }
}

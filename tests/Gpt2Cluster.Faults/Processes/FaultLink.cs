using System.Globalization;
using System.Net.Sockets;
using Gpt2Cluster.Core.Ports;

namespace Gpt2Cluster.Faults.Processes;

/// <summary>The line to one process of one silo: what is armed there, and what it says.</summary>
internal sealed class FaultLink : IDisposable
{
    // What tells who coordinates, who serves and how far the run is.
    private static readonly FaultPoint[] Watched =
        [FaultPoint.Planning, FaultPoint.Forward, FaultPoint.Applied, FaultPoint.Committed];

    private readonly StreamReader reader;
    private readonly StreamWriter writer;

    /// <summary>Hears the silo's name.</summary>
    /// <exception cref="IOException">It ended before it said so.</exception>
    public FaultLink(Socket socket)
    {
        var stream = new NetworkStream(socket, ownsSocket: true);
        reader = new StreamReader(stream);
        writer = new StreamWriter(stream) { AutoFlush = true };
        var words = (reader.ReadLine() ?? throw new IOException("A silo ended before it said its name.")).Split(' ');
        Silo = words[1];
        Process = int.Parse(words[2], CultureInfo.InvariantCulture);
        foreach (var point in Watched)
            Say($"watch {point}");
    }

    /// <summary>The silo's name.</summary>
    public string Silo { get; }

    /// <summary>Its process.</summary>
    public int Process { get; }

    /// <summary>A thread that comes to the point at the step or later is to stop there, after some passes.</summary>
    public void Arm(FaultPoint point, long step, int skip) => Say($"arm {point} {step} {skip}");

    /// <summary>Nobody is to stop there, and who stands there goes on.</summary>
    public void Pass(FaultPoint point) => Say($"pass {point}");

    /// <summary>Who stands there fails as libtorch does, with these words.</summary>
    public void Fail(FaultPoint point, string words) => Say($"fail {point} {words}");

    /// <summary>Listens until the process ends.</summary>
    public void Listen(Sightings sightings)
    {
        try
        {
            while (reader.ReadLine() is { } line)
            {
                var words = line.Split(' ');
                sightings.Add(new Sighting(
                    sightings.Now, Silo, Process, Enum.Parse<FaultPoint>(words[1]),
                    long.Parse(words[2], CultureInfo.InvariantCulture), words[0] == "at"));
            }
        }
        catch (IOException)
        {
            // It was killed.
        }
    }

    public void Dispose()
    {
        reader.Dispose();
        try
        {
            writer.Dispose();
        }
        catch (IOException)
        {
            // It was killed.
        }
    }

    private void Say(string line)
    {
        try
        {
            lock (writer)
                writer.WriteLine(line);
        }
        catch (Exception problem) when (problem is IOException or ObjectDisposedException)
        {
            // It was killed.
        }
    }
}

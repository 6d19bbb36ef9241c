using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Gpt2Cluster.Faults.Processes;

/// <summary>What one process of a silo holds of the machine.</summary>
/// <param name="Silo">The silo's name.</param>
/// <param name="Process">The process.</param>
/// <param name="ResidentBytes">Memory.</param>
/// <param name="FileCount">Open files, sockets among them.</param>
/// <param name="SocketCount">Open sockets.</param>
/// <param name="ThreadCount">Threads.</param>
internal sealed record Footprint(
    string Silo, int Process, long ResidentBytes, int FileCount, int SocketCount, int ThreadCount)
{
    /// <summary>Looks at a silo; null while it is between two lives.</summary>
    public static Footprint? Of(Silo silo)
    {
        var process = silo.ProcessId;
        try
        {
            var status = File.ReadAllLines($"/proc/{process}/status");
            var files = Directory.GetFiles($"/proc/{process}/fd");
            var sockets = files.Count(file =>
                new FileInfo(file).LinkTarget?.StartsWith("socket:", StringComparison.Ordinal) == true);
            return new Footprint(
                silo.Name, process, Number(status, "VmRSS:") * 1024, files.Length, sockets,
                (int)Number(status, "Threads:"));
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>The number of keys in a store.</summary>
    /// <param name="address">Its host and port.</param>
    public static long KeyCount(string address)
    {
        var colon = address.LastIndexOf(':');
        using var client = new TcpClient(
            address[..colon], int.Parse(address[(colon + 1)..], CultureInfo.InvariantCulture));
        using var stream = client.GetStream();
        stream.Write("*1\r\n$6\r\nDBSIZE\r\n"u8);
        using var reader = new StreamReader(stream, Encoding.ASCII);
        return long.Parse(reader.ReadLine()![1..], CultureInfo.InvariantCulture);
    }

    private static long Number(string[] status, string name) => long.Parse(
        status.First(line => line.StartsWith(name, StringComparison.Ordinal))[name.Length..]
            .Replace("kB", "", StringComparison.Ordinal).Trim(),
        CultureInfo.InvariantCulture);
}

using System.Net;
using System.Net.Sockets;

namespace Gpt2Cluster.EndToEnd.Tests.Processes;

/// <summary>
/// An address whose machine says nothing at all to whoever connects: a listener whose queue is full, so that the kernel
/// drops what else comes.
/// </summary>
internal sealed class BlackHole : IDisposable
{
    /// <summary>More than fit into a queue of length 0.</summary>
    private const int FillerCount = 4;

    private readonly Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly List<Socket> fillers = [];

    public BlackHole()
    {
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(0);
        for (var count = 0; count < FillerCount; count++)
        {
            var filler = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            filler.Blocking = false;
            fillers.Add(filler);
            try
            {
                filler.Connect(listener.LocalEndPoint!);
            }
            catch (SocketException problem) when (problem.SocketErrorCode is SocketError.WouldBlock
                or SocketError.InProgress)
            {
                // It connects while there is room, and then waits for ever.
            }
        }
    }

    public string Address => $"{listener.LocalEndPoint}";

    public void Dispose()
    {
        foreach (var filler in fillers)
            filler.Dispose();
        listener.Dispose();
    }
}

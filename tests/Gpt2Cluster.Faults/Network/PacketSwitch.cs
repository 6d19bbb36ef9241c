using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;

namespace Gpt2Cluster.Faults.Network;

/// <summary>What happens to packets on their way from one host to another.</summary>
/// <param name="IsCut">None arrives.</param>
/// <param name="Loss">Share of them that does not arrive, 0 to 1.</param>
/// <param name="Delay">How much later the others arrive.</param>
internal sealed record Way(bool IsCut, double Loss, TimeSpan Delay)
{
    /// <summary>How fast they leave, of this direction alone; null for at once.</summary>
    public Pace? Pace { get; init; }
}

/// <summary>
/// Carries packets between devices by their addresses, and loses or delays them as it is told. Done here, as kernels
/// for containers and small machines often have no netem.
/// </summary>
internal sealed class PacketSwitch : IDisposable
{
    private const int DestinationOffset = 16;
    private const int AddressBytes = 4;

    private readonly ConcurrentDictionary<IPAddress, Tun> devices = new();
    private readonly ConcurrentDictionary<(IPAddress From, IPAddress To), Way> ways = new();
    private readonly PriorityQueue<(Tun Device, byte[] Packet), TimeSpan> delayed = new();
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private bool isOver;

    /// <summary>Starts to deliver what is delayed.</summary>
    public PacketSwitch() => new Thread(DeliverDelayed) { Name = "delayed packets", IsBackground = true }.Start();

    /// <summary>Plugs a device in.</summary>
    public void Plug(IPAddress address, Tun device)
    {
        devices[address] = device;
        new Thread(() => Carry(address, device)) { Name = $"packets of {address}", IsBackground = true }.Start();
    }

    /// <summary>Says what happens from now on between two hosts, in one direction; null for nothing.</summary>
    public void Set(IPAddress from, IPAddress to, Way? way)
    {
        if (way is null)
            ways.TryRemove((from, to), out _);
        else
            ways[(from, to)] = way;
    }

    public void Dispose()
    {
        lock (delayed)
        {
            isOver = true;
            Monitor.PulseAll(delayed);
        }

        foreach (var device in devices.Values)
            device.Dispose();
    }

    private void Carry(IPAddress from, Tun device)
    {
        var buffer = new byte[Tun.MaximumPacketBytes];
        for (var length = device.Read(buffer); length > 0 && !isOver; length = device.Read(buffer))
        {
            // Of IP version 4; the kernel also asks for neighbours of version 6, which there are none of.
            if (buffer[0] >> 4 != 4)
                continue;
            var to = new IPAddress(buffer.AsSpan(DestinationOffset, AddressBytes));
            if (devices.TryGetValue(to, out var target))
                Send(target, buffer.AsSpan(0, length), ways.GetValueOrDefault((from, to)));
        }
    }

    private void Send(Tun target, ReadOnlySpan<byte> packet, Way? way)
    {
        if (way is null)
            target.Write(packet);
        else if (!way.IsCut && Random.Shared.NextDouble() >= way.Loss && Departure(way, packet.Length) is { } departure)
            Delay(target, packet.ToArray(), departure + way.Delay);
    }

    private TimeSpan? Departure(Way way, int byteCount) =>
        way.Pace is null ? clock.Elapsed : way.Pace.Departure(clock.Elapsed, byteCount);

    private void Delay(Tun target, byte[] packet, TimeSpan due)
    {
        lock (delayed)
        {
            delayed.Enqueue((target, packet), due);
            Monitor.PulseAll(delayed);
        }
    }

    private void DeliverDelayed()
    {
        lock (delayed)
        {
            while (!isOver)
            {
                if (!delayed.TryPeek(out var next, out var due))
                    Monitor.Wait(delayed);
                else if (due - clock.Elapsed is { Ticks: > 0 } left)
                    Monitor.Wait(delayed, left);
                else
                    delayed.Dequeue().Device.Write(next.Packet);
            }
        }
    }
}

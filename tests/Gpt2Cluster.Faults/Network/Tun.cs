using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Text;

namespace Gpt2Cluster.Faults.Network;

/// <summary>
/// A network device whose cable ends in this process: what the kernel sends over it is read here, and what is written
/// here arrives there.
/// </summary>
internal sealed partial class Tun : IDisposable
{
    /// <summary>The longest packet, bytes.</summary>
    public const int MaximumPacketBytes = 65_000;

    // linux/if_tun.h: packets of IP, without a header in front.
    private const ulong SetInterface = 0x400454ca;
    private const short TunWithoutHeader = 0x0001 | 0x1000;
    private const int ReadAndWrite = 2;
    private const int RequestBytes = 40;
    private const int FlagsOffset = 16;

    private readonly int descriptor;

    /// <summary>Makes the device.</summary>
    /// <param name="name">At most 15 letters.</param>
    /// <exception cref="Win32Exception">The system does not allow it.</exception>
    public Tun(string name)
    {
        descriptor = Open("/dev/net/tun", ReadAndWrite);
        var request = new byte[RequestBytes];
        Encoding.ASCII.GetBytes(name, request);
        BitConverter.TryWriteBytes(request.AsSpan(FlagsOffset), TunWithoutHeader);
        if (descriptor < 0 || Control(descriptor, SetInterface, request) < 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError());
    }

    /// <summary>Waits for a packet.</summary>
    /// <returns>Its length; none or less once the device is gone.</returns>
    public int Read(byte[] into) => (int)Read(descriptor, into, into.Length);

    /// <summary>Delivers a packet; one that is not taken is lost, as packets may be.</summary>
    public void Write(ReadOnlySpan<byte> packet) => _ = Write(descriptor, packet, packet.Length);

    public void Dispose() => _ = Close(descriptor);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Control(int descriptor, ulong request, byte[] argument);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint Read(int descriptor, byte[] buffer, nint count);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint Write(int descriptor, ReadOnlySpan<byte> buffer, nint count);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);
}

using System.Runtime.InteropServices;
using System.Text;
using Gpt2Cluster.Core.Devices;

namespace Gpt2Cluster.Compute.Devices;

/// <summary>
/// The facts of this machine's cards from CUDA's driver API (<c>libcuda.so.1</c>, a part of every driver), without
/// libtorch and without a context on any card. Without a driver there is nothing to see.
/// </summary>
public static class CudaDriver
{
    // CUdevice_attribute of cuda.h.
    private const int MultiprocessorCount = 16;
    private const int CapabilityMajor = 75;
    private const int CapabilityMinor = 76;

    private const int NameLength = 256;
    private const int UuidLength = 16;

    /// <summary>Looks.</summary>
    /// <exception cref="InvalidOperationException">A driver that has started does not say what it must.</exception>
    public static CudaSight Look() => Look(OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1");

    /// <summary>Looks through a driver's library of another name.</summary>
    internal static CudaSight Look(string libraryName)
    {
        var sight = new CudaSight
        {
            HasDeviceFiles = HasDeviceFiles(),
            VisibleDevices = Environment.GetEnvironmentVariable("CUDA_VISIBLE_DEVICES"),
        };
        return NativeLibrary.TryLoad(libraryName, out var library) ? Look(new Functions(library), sight) : sight;
    }

    private static bool HasDeviceFiles() => OperatingSystem.IsLinux() && Directory.Exists("/dev")
        && Directory.EnumerateFileSystemEntries("/dev", "nvidia*").Any(name => char.IsAsciiDigit(name[^1]));

    private static CudaSight Look(Functions driver, CudaSight sight)
    {
        var result = driver.Start();
        sight = sight with { HasDriver = true, StartResult = result };
        if (result != 0)
            return sight;
        var version = driver.Version();
        var count = driver.Count();
        return sight with
        {
            Cards = [.. Enumerable.Range(0, count).Select(ordinal => Facts(driver, ordinal, version))],
            Peers =
            [
                .. from one in Enumerable.Range(0, count)
                   from other in Enumerable.Range(0, count)
                   where one != other && driver.CanAccess(one, other)
                   select (one, other),
            ],
        };
    }

    private static CardDescription Facts(Functions driver, int ordinal, int version)
    {
        var name = driver.Name(ordinal);
        var kind = name.Contains(" MIG ", StringComparison.Ordinal) ? "MIG" : "GPU";
        return new CardDescription(
            name,
            driver.Attribute(ordinal, CapabilityMajor),
            driver.Attribute(ordinal, CapabilityMinor),
            driver.Attribute(ordinal, MultiprocessorCount),
            driver.Memory(ordinal),
            $"{kind}-{new Guid(driver.Uuid(ordinal), bigEndian: true)}",
            version,
            CudaLibraries.Versions());
    }

    /// <summary>The driver's functions under the names of cuda.h; devices are ordinals here.</summary>
    private sealed unsafe class Functions(nint library)
    {
        public int Start() => ((delegate* unmanaged<uint, int>)Export("cuInit"))(0);

        public int Version()
        {
            int version;
            Check(((delegate* unmanaged<int*, int>)Export("cuDriverGetVersion"))(&version), "cuDriverGetVersion");
            return version;
        }

        public int Count()
        {
            int count;
            Check(((delegate* unmanaged<int*, int>)Export("cuDeviceGetCount"))(&count), "cuDeviceGetCount");
            return count;
        }

        public string Name(int ordinal)
        {
            var text = stackalloc byte[NameLength];
            var get = (delegate* unmanaged<byte*, int, int, int>)Export("cuDeviceGetName");
            Check(get(text, NameLength, Handle(ordinal)), "cuDeviceGetName");
            return Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text)).Trim();
        }

        public int Attribute(int ordinal, int attribute)
        {
            int value;
            var get = (delegate* unmanaged<int*, int, int, int>)Export("cuDeviceGetAttribute");
            Check(get(&value, attribute, Handle(ordinal)), "cuDeviceGetAttribute");
            return value;
        }

        public long Memory(int ordinal)
        {
            nuint bytes;
            var get = (delegate* unmanaged<nuint*, int, int>)Export("cuDeviceTotalMem_v2");
            Check(get(&bytes, Handle(ordinal)), "cuDeviceTotalMem");
            return (long)bytes;
        }

        public byte[] Uuid(int ordinal)
        {
            // The second version names a MIG instance, the first one its card.
            var name = NativeLibrary.TryGetExport(library, "cuDeviceGetUuid_v2", out _)
                ? "cuDeviceGetUuid_v2"
                : "cuDeviceGetUuid";
            var uuid = new byte[UuidLength];
            fixed (byte* bytes = uuid)
                Check(((delegate* unmanaged<byte*, int, int>)Export(name))(bytes, Handle(ordinal)), name);
            return uuid;
        }

        public bool CanAccess(int one, int other)
        {
            int can;
            var get = (delegate* unmanaged<int*, int, int, int>)Export("cuDeviceCanAccessPeer");
            Check(get(&can, Handle(one), Handle(other)), "cuDeviceCanAccessPeer");
            return can != 0;
        }

        private int Handle(int ordinal)
        {
            int handle;
            Check(((delegate* unmanaged<int*, int, int>)Export("cuDeviceGet"))(&handle, ordinal), "cuDeviceGet");
            return handle;
        }

        private void* Export(string name) => (void*)NativeLibrary.GetExport(library, name);

        private static void Check(int result, string name)
        {
            if (result != 0)
                throw new InvalidOperationException($"CUDA's driver answers {result} to {name}.");
        }
    }
}

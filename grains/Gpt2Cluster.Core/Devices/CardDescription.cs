using System.Globalization;

namespace Gpt2Cluster.Core.Devices;

/// <summary>What a graphics card says of itself. Its place among the machine's cards is no part of it.</summary>
/// <param name="Name">Its model, such as <c>NVIDIA H200</c>; of a MIG instance with the slice's name behind.</param>
/// <param name="CapabilityMajor">Compute capability before the point.</param>
/// <param name="CapabilityMinor">Compute capability behind the point.</param>
/// <param name="MultiprocessorCount">Multiprocessors; fewer in a MIG instance.</param>
/// <param name="MemoryBytes">Its memory.</param>
/// <param name="Uuid"><c>GPU-</c> or <c>MIG-</c> and a UUID in lower-case hexadecimal.</param>
/// <param name="DriverCudaVersion">The newest CUDA its driver supports: 12080 is 12.8.</param>
/// <param name="Libraries">Versions of the libraries that multiply there; empty while none is loaded.</param>
public sealed record CardDescription(
    string Name,
    int CapabilityMajor,
    int CapabilityMinor,
    int MultiprocessorCount,
    long MemoryBytes,
    string Uuid,
    int DriverCudaVersion,
    string Libraries)
{
    /// <summary>Compute capability as NVIDIA writes it, such as <c>9.0</c>.</summary>
    public string Capability => string.Create(CultureInfo.InvariantCulture, $"{CapabilityMajor}.{CapabilityMinor}");

    /// <summary>Whether it is a part of a card (Multi-Instance GPU).</summary>
    public bool IsMig => Uuid.StartsWith("MIG-", StringComparison.Ordinal);

    /// <summary>A CUDA version as people write it: 12080 is <c>12.8</c>.</summary>
    public static string VersionText(int version) =>
        string.Create(CultureInfo.InvariantCulture, $"{version / 1000}.{version % 1000 / 10}");
}

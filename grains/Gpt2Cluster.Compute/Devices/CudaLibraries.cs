using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Gpt2Cluster.Compute.Devices;

/// <summary>
/// Versions of the libraries that libtorch multiplies with on a card, asked of those that this process has loaded:
/// their
/// file names carry a hash in libtorch's package, and a system's own may come before it.
/// </summary>
internal static class CudaLibraries
{
    /// <summary>Such as <c>cuBLASLt 12.8.4, cuDNN 9.8.0</c>; empty while none is loaded.</summary>
    public static string Versions()
    {
        using var process = Process.GetCurrentProcess();
        var paths = process.Modules.Cast<ProcessModule>().Select(module => module.FileName).ToList();
        return string.Join(", ", new[]
        {
            Version(paths, "libcublasLt", "cublasLtGetVersion", "cuBLASLt", CublasText),
            Version(paths, "libcudnn", "cudnnGetVersion", "cuDNN", CudnnText),
        }.OfType<string>());
    }

    private static unsafe string? Version(
        List<string> paths, string prefix, string function, string name, Func<int, string> text)
    {
        foreach (var path in paths.Where(path => Path.GetFileName(path).StartsWith(prefix, StringComparison.Ordinal)))
        {
            if (!NativeLibrary.TryLoad(path, out var library))
                continue;
            if (NativeLibrary.TryGetExport(library, function, out var export))
                return $"{name} {text((int)((delegate* unmanaged<nuint>)export)())}";
        }

        return null;
    }

    // 120804 is 12.8.4.
    private static string CublasText(int version) => Text(version / 10000, version / 100 % 100, version % 100);

    // 90800 is 9.8.0 since version 9; 8907 was 8.9.7.
    private static string CudnnText(int version) => version >= 90000
        ? Text(version / 10000, version / 100 % 100, version % 100)
        : Text(version / 1000, version / 100 % 10, version % 100);

    private static string Text(int major, int minor, int patch) =>
        string.Create(CultureInfo.InvariantCulture, $"{major}.{minor}.{patch}");
}

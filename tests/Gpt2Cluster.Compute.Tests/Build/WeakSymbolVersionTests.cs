using System.Runtime.InteropServices;
using System.Text;

namespace Gpt2Cluster.Compute.Tests.Build;

/// <summary>The build target that lets libLibTorchSharp.so load on systems older than gcc 13.</summary>
public sealed class WeakSymbolVersionTests
{
    private const string Version = "GLIBCXX_3.4.32";
    private const string NativeFolder = "runtimes/linux-x64/native";
    private const string Library = "libLibTorchSharp.so";

    private static string OutputCopy => Path.Combine(AppContext.BaseDirectory, NativeFolder, Library);

    [Fact]
    public void The_copy_in_the_output_folder_needs_the_version_only_weakly() =>
        Assert.Equal(2, FlagsOf(File.ReadAllBytes(OutputCopy)));

    [Fact]
    public void The_package_cache_is_untouched()
    {
        var packages = Environment.GetEnvironmentVariable("NUGET_PACKAGES")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        var original = Path.Combine(packages, "torchsharp", "0.107.0", NativeFolder, Library);
        Assert.SkipUnless(File.Exists(original), $"no package cache at {packages}");
        Assert.Equal(0, FlagsOf(File.ReadAllBytes(original)));
    }

    [Fact]
    public void No_half_written_file_is_left_behind()
    {
        var names = Directory.GetFiles(Path.GetDirectoryName(OutputCopy)!).Select(Path.GetFileName);
        Assert.Equal([Library], names.Where(name => name!.StartsWith(Library, StringComparison.Ordinal)));
    }

    [Fact]
    public void The_library_loads()
    {
        NativeLibrary.Load(Path.Combine(AppContext.BaseDirectory, NativeFolder, "libtorch_cpu.so"));
        Assert.NotEqual(0, NativeLibrary.Load(OutputCopy));
    }

    /// <summary>Follows the chains of .gnu.version_r as the dynamic linker does.</summary>
    private static int FlagsOf(byte[] elf)
    {
        var headers = BitConverter.ToInt32(elf, 0x28);
        int Header(int index) => headers + (index * BitConverter.ToUInt16(elf, 0x3a));
        int Offset(int index) => BitConverter.ToInt32(elf, Header(index) + 0x18);
        var section = Enumerable.Range(0, BitConverter.ToUInt16(elf, 0x3c))
            .Single(index => BitConverter.ToUInt32(elf, Header(index) + 4) == 0x6ffffffe);
        var names = Offset(BitConverter.ToInt32(elf, Header(section) + 0x28));
        for (int file = Offset(section), step = -1; step != 0; file += step)
        {
            step = BitConverter.ToInt32(elf, file + 12);
            var entry = file + BitConverter.ToInt32(elf, file + 8);
            for (var next = -1; next != 0; entry += next)
            {
                next = BitConverter.ToInt32(elf, entry + 12);
                var name = elf.AsSpan(names + BitConverter.ToInt32(elf, entry + 8));
                if (Encoding.ASCII.GetString(name[..name.IndexOf((byte)0)]) == Version)
                    return BitConverter.ToUInt16(elf, entry + 4);
            }
        }

        throw new InvalidDataException($"{Version} is not needed at all");
    }
}

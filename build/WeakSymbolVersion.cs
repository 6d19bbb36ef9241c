using System;
using System.IO;
using System.Text;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

/// <summary>
/// Marks one symbol version that a shared library needs as weak, so that the dynamic linker accepts a system without
/// it.
/// </summary>
/// <remarks>
/// The file may be a hard link into the package cache, so the patched bytes go to a new file that takes the old one's
/// name. The new file keeps the old one's time, so that the next build's copy step sees nothing to do. The layout of
/// the section <c>.gnu.version_r</c> is described in the Linux Standard Base, "Symbol Versioning".
/// </remarks>
public sealed class WeakSymbolVersion : Task
{
    private const uint VersionNeedSection = 0x6ffffffe;
    private const int WeakFlag = 2;

    /// <summary>The libraries to patch.</summary>
    [Required]
    public ITaskItem[] Libraries { get; set; }

    /// <summary>The version to mark, such as <c>GLIBCXX_3.4.32</c>.</summary>
    [Required]
    public string Version { get; set; }

    /// <summary>Patches every library that is not patched yet.</summary>
    public override bool Execute()
    {
        foreach (var library in Libraries)
        {
            var path = library.GetMetadata("FullPath");
            var bytes = File.ReadAllBytes(path);
            if (!Patch(bytes))
                continue;
            var replacement = path + "." + Guid.NewGuid().ToString("N");
            File.WriteAllBytes(replacement, bytes);
            File.SetLastWriteTimeUtc(replacement, File.GetLastWriteTimeUtc(path));
            File.Delete(path);
            File.Move(replacement, path);
            Log.LogMessage(MessageImportance.Normal, "Marked {0} as weak in {1}", Version, path);
        }

        return !Log.HasLoggedErrors;
    }

    /// <summary>Sets the flag; false when nothing was to be done.</summary>
    private bool Patch(byte[] elf)
    {
        if (elf.Length < 64 || elf[0] != 0x7f || elf[1] != 'E' || elf[4] != 2 || elf[5] != 1)
            return false;
        var headers = (long)BitConverter.ToUInt64(elf, 0x28);
        int headerBytes = BitConverter.ToUInt16(elf, 0x3a), count = BitConverter.ToUInt16(elf, 0x3c);
        for (var i = 0; i < count; i++)
        {
            var header = (int)(headers + (i * headerBytes));
            if (BitConverter.ToUInt32(elf, header + 4) != VersionNeedSection)
                continue;
            var names = (int)(headers + ((long)BitConverter.ToUInt32(elf, header + 0x28) * headerBytes));
            return PatchSection(
                elf, (int)BitConverter.ToUInt64(elf, header + 0x18), (int)BitConverter.ToUInt64(elf, names + 0x18));
        }

        return false;
    }

    private bool PatchSection(byte[] elf, int section, int names)
    {
        var patched = false;
        for (int file = section, nextFile = -1; nextFile != 0; file += nextFile)
        {
            nextFile = BitConverter.ToInt32(elf, file + 12);
            var entry = file + BitConverter.ToInt32(elf, file + 8);
            for (var nextEntry = -1; nextEntry != 0; entry += nextEntry)
            {
                nextEntry = BitConverter.ToInt32(elf, entry + 12);
                var name = names + BitConverter.ToInt32(elf, entry + 8);
                if (ReadName(elf, name) != Version || (elf[entry + 4] & WeakFlag) != 0)
                    continue;
                elf[entry + 4] |= WeakFlag;
                patched = true;
            }
        }

        return patched;
    }

    private static string ReadName(byte[] elf, int start) =>
        Encoding.ASCII.GetString(elf, start, Array.IndexOf(elf, (byte)0, start) - start);
}

using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Gpt2Cluster.Data.Sources;

/// <summary>What lies at a path, links followed.</summary>
internal enum FileKind
{
    /// <summary>Nothing, or a link that leads to nothing.</summary>
    Missing,

    /// <summary>A file whose bytes lie there.</summary>
    File,

    /// <summary>A folder.</summary>
    Folder,

    /// <summary>A pipe: whoever reads it waits for who writes.</summary>
    Pipe,

    /// <summary>A socket.</summary>
    Socket,

    /// <summary>A device, such as a terminal.</summary>
    Device,
}

/// <summary>A path that was looked at without opening it: a pipe that is opened waits for its writer.</summary>
/// <param name="Kind">What lies there.</param>
/// <param name="Identity">The same for all names of one file or folder, and for no other.</param>
/// <param name="Bytes">Its size; 0 if it is no file.</param>
internal readonly partial record struct FileStatus(FileKind Kind, string Identity, long Bytes = 0)
{
    // Of statx(2): the calls' constants, and where the fields of its struct lie on every machine.
    private const int CurrentFolder = -100;
    private const uint BasicFields = 0x7FF;
    private const int StatusBytes = 256;
    private const int ModeAt = 28;
    private const int InodeAt = 32;
    private const int SizeAt = 40;
    private const int DeviceAt = 136;
    private const int NoEntry = 2;
    private const int NotAFolder = 20;
    private const int TooManyLinks = 40;

    // Of inode(7): the bits of a mode that say what it is.
    private const int KindBits = 0xF000;
    private const int PipeBits = 0x1000;
    private const int CharacterDeviceBits = 0x2000;
    private const int FolderBits = 0x4000;
    private const int BlockDeviceBits = 0x6000;
    private const int SocketBits = 0xC000;

    /// <summary>Looks at a path.</summary>
    /// <exception cref="IOException">The system does not let it be looked at; the path is named.</exception>
    public static FileStatus Of(string path)
    {
        if (!OperatingSystem.IsLinux())
            return Portable(path);
        Span<byte> status = stackalloc byte[StatusBytes];
        if (StatX(CurrentFolder, path, 0, BasicFields, ref status[0]) != 0)
        {
            return Marshal.GetLastPInvokeError() is NoEntry or NotAFolder or TooManyLinks
                ? new FileStatus(FileKind.Missing, path)
                : throw new IOException($"{path}: {Marshal.GetLastPInvokeErrorMessage()}");
        }

        var kind = (BinaryPrimitives.ReadUInt16LittleEndian(status[ModeAt..]) & KindBits) switch
        {
            PipeBits => FileKind.Pipe,
            CharacterDeviceBits or BlockDeviceBits => FileKind.Device,
            FolderBits => FileKind.Folder,
            SocketBits => FileKind.Socket,
            _ => FileKind.File,
        };
        var inode = BinaryPrimitives.ReadUInt64LittleEndian(status[InodeAt..]);
        var device = BinaryPrimitives.ReadUInt64LittleEndian(status[DeviceAt..]);
        var bytes = kind == FileKind.File ? BinaryPrimitives.ReadInt64LittleEndian(status[SizeAt..]) : 0;
        return new FileStatus(kind, FormattableString.Invariant($"{device}:{inode}"), bytes);
    }

    private static FileStatus Portable(string path)
    {
        var isFolder = Directory.Exists(path);
        if (!isFolder && !File.Exists(path))
            return new FileStatus(FileKind.Missing, path);
        FileSystemInfo info = isFolder ? new DirectoryInfo(path) : new FileInfo(path);
        var target = info.ResolveLinkTarget(returnFinalTarget: true) ?? info;
        var kind = isFolder ? FileKind.Folder
            : target.Attributes.HasFlag(FileAttributes.Device) ? FileKind.Device : FileKind.File;
        return new FileStatus(kind, target.FullName, target is FileInfo { Exists: true } file ? file.Length : 0);
    }

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StatX(int folder, string path, int flags, uint fields, ref byte status);
}

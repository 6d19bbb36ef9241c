using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Model;

namespace Gpt2Cluster.Core.Ports;

/// <summary>
/// The disk of a data folder, as checkpoints and copies of folders need it. Silos may share it: what is there now may
/// have another name at the next call.
/// </summary>
public interface IDataDisk
{
    /// <summary>Does what takes its time, such as writing gigabytes, where it holds up nobody else.</summary>
    /// <param name="name">Shown in a debugger and in stack dumps.</param>
    /// <param name="work">The work.</param>
    Task<T> Run<T>(string name, Func<T> work);

    /// <summary>Whether there is a folder.</summary>
    bool Exists(string folder);

    /// <summary>The names of the folders in a folder; none if it is not there.</summary>
    IReadOnlyList<string> FoldersIn(string folder);

    /// <summary>The names and lengths of the files right in a folder; none if it is not there.</summary>
    IReadOnlyList<(string Name, long Bytes)> FilesIn(string folder);

    /// <summary>Opens a file to be read.</summary>
    /// <exception cref="FileNotFoundException">It is not there.</exception>
    Stream OpenRead(string file);

    /// <summary>Makes a file.</summary>
    /// <exception cref="IOException">It is there already, or the disk takes no more.</exception>
    Stream Create(string file);

    /// <summary>Gives a folder another name.</summary>
    /// <exception cref="IOException">It is not there, or the name is taken.</exception>
    void Move(string folder, string target);

    /// <summary>Removes a folder with all that is in it, if it is there.</summary>
    void Remove(string folder);

    /// <summary>Makes a hidden folder beside its place.</summary>
    IStagedFolder Stage(string target);

    /// <summary>Writes a part of a replica as a checkpoint's file.</summary>
    /// <returns>The file, and the hashes of its pieces one behind the other.</returns>
    (CheckpointFile File, byte[] PieceHashes) WritePart(
        string folder, IReplicaSnapshot snapshot, ReplicaPart part, ParameterLayout layout);

    /// <summary>Opens what <see cref="WritePart"/> wrote.</summary>
    /// <exception cref="IOException">It is not there, or cannot be read.</exception>
    /// <exception cref="UserErrorException">It is no sound file.</exception>
    ICheckpointPart OpenPart(string folder, ReplicaPart part, ParameterLayout layout);
}

/// <summary>A folder that appears whole or not at all. Disposing without publishing removes it.</summary>
public interface IStagedFolder : IDisposable
{
    /// <summary>The hidden folder to fill.</summary>
    string Path { get; }

    /// <summary>Makes what lies in it survive a loss of power; nothing may be written to it any more.</summary>
    void Flush();

    /// <summary>Renames it to its place and flushes the name: what lies in it is to be flushed by then.</summary>
    /// <exception cref="UserErrorException">Something that is not an empty folder has that name.</exception>
    void Publish();
}

/// <summary>The file of a checkpoint's part.</summary>
public interface ICheckpointPart : IDisposable
{
    /// <summary>Where it lies.</summary>
    string Path { get; }

    /// <summary>How many elements it has.</summary>
    long Length { get; }

    /// <summary>Reads elements, in the layout's order.</summary>
    void Read(long start, Span<float> into);
}

/// <summary>Texts in files.</summary>
public static class DataDiskTexts
{
    /// <summary>The text of a file.</summary>
    /// <exception cref="FileNotFoundException">It is not there.</exception>
    public static string ReadText(this IDataDisk disk, string file)
    {
        ArgumentNullException.ThrowIfNull(disk);
        using var reader = new StreamReader(disk.OpenRead(file));
        return reader.ReadToEnd();
    }

    /// <summary>Makes a file of a text.</summary>
    public static void WriteText(this IDataDisk disk, string file, string text)
    {
        ArgumentNullException.ThrowIfNull(disk);
        using var writer = new StreamWriter(disk.Create(file));
        writer.Write(text);
    }
}

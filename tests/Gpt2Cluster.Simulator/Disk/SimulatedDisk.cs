using Gpt2Cluster.Simulator.Clock;

namespace Gpt2Cluster.Simulator.Disk;

/// <summary>A file as it was written.</summary>
/// <param name="Bytes">Its content.</param>
/// <param name="IsFlushed">Whether a power cut leaves it whole.</param>
internal sealed record DiskFile(byte[] Bytes, bool IsFlushed);

/// <summary>
/// A machine's disk: folders of files. What is written and not flushed survives the end of a process, but a power cut
/// leaves half of it or nothing; of the renames that were not flushed the last ones are lost.
/// </summary>
/// <param name="id">Names its data folder.</param>
internal sealed class SimulatedDisk(string id)
{
    private readonly SortedDictionary<string, Dictionary<string, DiskFile>> folders = new(StringComparer.Ordinal);
    private readonly List<(string From, string To)> unflushedRenames = [];
    private long hiddenCount;

    /// <summary>Names its data folder.</summary>
    public string Id => id;

    /// <summary>Whether it takes no more bytes.</summary>
    public bool IsFull { get; set; }

    /// <summary>Whether it answers nothing.</summary>
    public bool Hangs { get; set; }

    /// <summary>The folders there are.</summary>
    public IReadOnlyCollection<string> Folders => folders.Keys;

    /// <summary>A folder's files; null if there is no such folder.</summary>
    public Dictionary<string, DiskFile>? Find(string folder) => folders.GetValueOrDefault(folder);

    /// <summary>Makes an empty folder under a name that no other has.</summary>
    public string MakeHidden(string target)
    {
        var hidden = $"{Path.GetDirectoryName(target)}/.{Path.GetFileName(target)}.{hiddenCount++}.partial";
        folders.Add(hidden, new(StringComparer.Ordinal));
        return hidden;
    }

    /// <summary>Writes a file.</summary>
    /// <exception cref="IOException">The disk is full, or the folder has gone.</exception>
    public void Write(string path, byte[] bytes)
    {
        if (IsFull)
            throw new IOException("No space left on device");
        var files = Find(Path.GetDirectoryName(path)!) ?? throw new DirectoryNotFoundException(path);
        files[Path.GetFileName(path)] = new DiskFile(bytes, IsFlushed: false);
    }

    /// <summary>A file's content.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public byte[] Read(string path) =>
        Find(Path.GetDirectoryName(path)!)?.GetValueOrDefault(Path.GetFileName(path))?.Bytes
        ?? throw new FileNotFoundException($"there is no {path}");

    /// <summary>Flushes all files of a folder.</summary>
    public void FlushFiles(string folder)
    {
        if (Find(folder) is not { } files)
            return;
        foreach (var (name, file) in files.ToList())
            files[name] = file with { IsFlushed = true };
    }

    /// <summary>Flushes the names of folders: renames so far are kept.</summary>
    public void FlushNames() => unflushedRenames.Clear();

    /// <summary>Gives a folder another name.</summary>
    /// <exception cref="IOException">It is not there, or the name is taken.</exception>
    public void Rename(string from, string to)
    {
        if (folders.ContainsKey(to))
            throw new IOException($"{to} is there already");
        if (!folders.Remove(from, out var moved))
            throw new DirectoryNotFoundException(from);
        folders.Add(to, moved);
        unflushedRenames.Add((from, to));
    }

    /// <summary>Removes a folder.</summary>
    public void Remove(string folder) => folders.Remove(folder);

    /// <summary>Damages a file of a checkpoint: a bit is turned or its end is cut off.</summary>
    /// <returns>False if there is none.</returns>
    public bool Damage(Chance chance)
    {
        var files = folders.Where(folder => !Path.GetFileName(folder.Key).StartsWith('.'))
            .SelectMany(folder => folder.Value.Keys.Select(name => (Files: folder.Value, Name: name)))
            .Where(file => file.Files[file.Name].Bytes.Length > 0)
            .ToList();
        if (files.Count == 0)
            return false;
        var (damaged, chosen) = chance.Of(files);
        byte[] bytes = [.. damaged[chosen].Bytes];
        var place = chance.Below(bytes.Length);
        if (chance.Happens(0.5))
            bytes = bytes[..place];
        else
            bytes[place] ^= (byte)(1 << chance.Below(8));
        damaged[chosen] = new DiskFile(bytes, true);
        return true;
    }

    /// <summary>The machine lost its power: what was not flushed is as it may be.</summary>
    public void CutPower(Chance chance)
    {
        var keptCount = chance.Below(unflushedRenames.Count + 1);
        for (var index = unflushedRenames.Count - 1; index >= keptCount; index--)
        {
            var (from, to) = unflushedRenames[index];
            if (folders.Remove(to, out var moved))
                folders[from] = moved;
        }

        unflushedRenames.Clear();
        foreach (var files in folders.Values)
        {
            foreach (var (name, file) in files.Where(pair => !pair.Value.IsFlushed).ToList())
                Tear(files, name, file, chance);
        }
    }

    private static void Tear(Dictionary<string, DiskFile> files, string name, DiskFile file, Chance chance)
    {
        switch (chance.Below(3))
        {
            case 0: files.Remove(name); break;
            case 1: files[name] = new DiskFile(file.Bytes[..chance.Below(file.Bytes.Length)], true); break;
            default: files[name] = new DiskFile(file.Bytes, true); break;
        }
    }
}

using Gpt2Cluster.Simulator.Clock;

namespace Gpt2Cluster.Simulator.Disk;

/// <summary>A file as it was written.</summary>
/// <param name="Bytes">Its content.</param>
/// <param name="IsFlushed">Whether a power cut leaves it whole.</param>
internal sealed record DiskFile(byte[] Bytes, bool IsFlushed);

/// <summary>
/// A machine's disk: folders of files. What is written and not flushed survives the end of a process, but a power cut
/// leaves half of it or nothing; the same goes for renames of folders.
/// </summary>
/// <param name="id">Names its data folder.</param>
internal sealed class SimulatedDisk(string id)
{
    private readonly SortedDictionary<string, Dictionary<string, DiskFile>> folders = new(StringComparer.Ordinal);
    private readonly List<Action> unflushedRenames = [];

    /// <summary>Names its data folder.</summary>
    public string Id => id;

    /// <summary>Whether it takes no more bytes.</summary>
    public bool IsFull { get; set; }

    /// <summary>Whether it answers nothing.</summary>
    public bool Hangs { get; set; }

    /// <summary>Waits until it answers.</summary>
    public async Task Answer(Silo silo)
    {
        while (Hangs)
            await silo.Work(1);
    }

    /// <summary>The folders there are.</summary>
    public IReadOnlyCollection<string> Folders => folders.Keys;

    /// <summary>A folder's files; null if there is no such folder.</summary>
    public Dictionary<string, DiskFile>? Find(string folder) => folders.GetValueOrDefault(folder);

    /// <summary>Writes a file.</summary>
    /// <exception cref="IOException">The disk is full.</exception>
    public void Write(string folder, string name, byte[] bytes)
    {
        if (IsFull)
            throw new IOException("No space left on device");
        if (!folders.TryGetValue(folder, out var files))
            folders.Add(folder, files = new(StringComparer.Ordinal));
        files[name] = new DiskFile(bytes, IsFlushed: false);
    }

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

    /// <summary>Gives a folder another name, instead of what has it.</summary>
    public void Rename(string from, string to)
    {
        folders.Remove(from, out var moved);
        folders.Remove(to, out var replaced);
        if (moved is null)
            return;
        folders.Add(to, moved);
        unflushedRenames.Add(() =>
        {
            folders.Remove(to);
            if (replaced is not null)
                folders[to] = replaced;
        });
    }

    /// <summary>Removes a folder.</summary>
    public void Remove(string folder) => folders.Remove(folder);

    /// <summary>Damages a file of a checkpoint: a bit is turned or its end is cut off.</summary>
    /// <returns>False if there is none.</returns>
    public bool Damage(Chance chance)
    {
        var files = folders.Where(folder => folder.Key[0] != '.')
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
        for (var index = unflushedRenames.Count - 1; index >= 0; index--)
        {
            if (chance.Happens(0.5))
                unflushedRenames[index]();
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

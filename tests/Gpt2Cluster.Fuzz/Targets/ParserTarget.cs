using Gpt2Cluster.Fuzz.Mutations;

namespace Gpt2Cluster.Fuzz.Targets;

/// <summary>Whose parser it is, which says how many mutations it must survive.</summary>
internal enum Owner
{
    /// <summary>This project's.</summary>
    Ours,

    /// <summary>A library's, behind a reader of this project.</summary>
    Library,

    /// <summary>A library's in a process of its own, as the client reads such files.</summary>
    Process,
}

/// <summary>One parser that reads files people bring. A new one is a line in <see cref="ParserTargets"/>.</summary>
/// <param name="Name">What it is called on the command line and in the corpus.</param>
/// <param name="Owner">Whose it is.</param>
/// <param name="Seeds">Makes sound files.</param>
/// <param name="Open">Makes what reads all that is in an input, in a folder of its own.</param>
internal sealed record ParserTarget(
    string Name, Owner Owner, Func<IReadOnlyList<Seed>> Seeds, Func<Scratch, Reading> Open)
{
    /// <summary>The format's words, for edits of text; none for a format without.</summary>
    public IReadOnlyList<string> Words { get; init; } = [];

    /// <summary>The file's name, which a sentence must hold; null for a parser that is given no file.</summary>
    public string? FileName { get; init; }

    /// <summary>What an input may take: those through a process may wait for it to be silent.</summary>
    public TimeSpan Longest => Owner == Owner.Process ? 2 * DocumentTargets.Silence : TimeSpan.FromSeconds(1);

    /// <summary>Makes an input's checksums right again.</summary>
    public Action<byte[]>? Repair { get; init; }

    /// <summary>How many mutations it must survive.</summary>
    public long Aim => Owner switch
    {
        Owner.Ours => 1_000_000,
        Owner.Library => 100_000,
        _ => 1_000,
    };

    /// <summary>Whose it is, in words.</summary>
    public string OwnerName => Owner switch
    {
        Owner.Ours => "ours",
        Owner.Library => "library",
        _ => "library, through its process",
    };

    /// <summary>What makes its inputs.</summary>
    public Mutator NewMutator() => new(Seeds(), Words, Repair);
}

/// <summary>Reads all that is in an input.</summary>
/// <exception cref="Core.UserErrorException">The input is refused, in one sentence.</exception>
internal delegate void Reading(byte[] input);

/// <summary>A folder of one target, in memory where there is such a place.</summary>
internal sealed class Scratch : IDisposable
{
    private const string MemoryFolder = "/dev/shm";

    /// <summary>Makes an empty one.</summary>
    public Scratch()
    {
        var root = Directory.Exists(MemoryFolder) ? MemoryFolder : Path.GetTempPath();
        Folder = Path.Combine(root, $"gpt2cluster-fuzz-{Environment.ProcessId}-{Guid.NewGuid():N}");
        Directory.CreateDirectory(Folder);
    }

    /// <summary>Where it lies.</summary>
    public string Folder { get; }

    /// <summary>The path of a file in it.</summary>
    public string File(string name) => Path.Combine(Folder, name);

    /// <summary>Writes a file.</summary>
    /// <returns>Its path.</returns>
    public string Write(string name, byte[] content)
    {
        System.IO.File.WriteAllBytes(File(name), content);
        return File(name);
    }

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(Folder, recursive: true);
}

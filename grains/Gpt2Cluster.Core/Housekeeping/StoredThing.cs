namespace Gpt2Cluster.Core.Housekeeping;

/// <summary>Kinds of what lies in a data folder and may come to be of no use.</summary>
public enum ThingKind
{
    /// <summary>What a client has sent so far of a dataset or a model.</summary>
    Upload,

    /// <summary>A tokenised dataset.</summary>
    Dataset,

    /// <summary>A run's checkpoint, sound or not.</summary>
    Checkpoint,

    /// <summary>What was fetched so far of a model from elsewhere; fetching goes on from there.</summary>
    Download,

    /// <summary>What was begun and never came to be, or was to be removed: nobody can name it.</summary>
    Remains,
}

/// <summary>Something in a data folder.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Name">Its name: of a dataset the hash of its tokens.</param>
/// <param name="Path">Where it lies, absolute.</param>
/// <param name="Bytes">What it takes of the disk.</param>
/// <param name="UsedAt">When somebody wrote it, used it or named it last.</param>
public sealed record StoredThing(ThingKind Kind, string Name, string Path, long Bytes, DateTimeOffset UsedAt)
{
    /// <summary>Whether a process has it in work now.</summary>
    public bool IsInUse { get; init; }

    /// <summary>The name of a checkpoint's run; null for other kinds.</summary>
    public string? Run { get; init; }

    /// <summary>
    /// The life of the run that wrote a checkpoint; null for other kinds, and where its manifest cannot be read.
    /// </summary>
    public string? Life { get; init; }

    /// <summary>
    /// Whether nobody knows now whose a checkpoint is, though it may be sound: its manifest is there and the disk does
    /// not give it, or this version does not know its form. It never goes.
    /// </summary>
    public bool IsUnreadable { get; init; }

    /// <summary>The datasets that the run of a checkpoint reads; empty where nobody knows.</summary>
    public IReadOnlyList<string> Datasets { get; init; } = [];

    /// <summary>The runs that have named a dataset, of all clusters; empty for other kinds.</summary>
    public IReadOnlyList<NamingRun> NamedBy { get; init; } = [];
}

/// <summary>A run that people have deleted, under whose name there may be another one.</summary>
/// <param name="Run">Its name.</param>
/// <param name="Lives">The lives of that name that are over.</param>
public sealed record DeletedRun(string Run, IReadOnlyCollection<string> Lives);

/// <summary>All that a cluster names.</summary>
/// <param name="Runs">The names of its runs.</param>
/// <param name="Datasets">The hashes of the datasets that they read.</param>
/// <param name="Deleted">The runs that were deleted.</param>
public sealed record NamedThings(
    IReadOnlySet<string> Runs, IReadOnlySet<string> Datasets, IReadOnlyCollection<DeletedRun> Deleted)
{
    /// <summary>The cluster's id; empty where nothing depends on it.</summary>
    public string Cluster { get; init; } = "";
}

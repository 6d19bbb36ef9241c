using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.RegularExpressions;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Housekeeping;
using Gpt2Cluster.Data.Storage;

namespace Gpt2Cluster.Data.Datasets;

/// <summary>
/// The folder <c>datasets/</c> of the data folder: one folder a dataset, named by the hash of its tokens, with
/// <c>dataset.json</c> and shards. Datasets are published whole and never change.
/// </summary>
/// <param name="root">The folder; made when it is needed.</param>
/// <param name="time">The clock; the system's unless another is named.</param>
public sealed partial class DatasetDirectory(string root, TimeProvider? time = null)
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
    };

    // Of empty files that are named by what was tokenised.
    private const string MadeFromFolder = "made-from";

    // Of empty files that are named by runs.
    private const string NamedByFolder = "named-by";

    private readonly Lock healing = new();

    // Of datasets whose files say nothing of it, as they cannot be touched.
    private readonly ConcurrentDictionary<string, DateTimeOffset> usedHere = new(StringComparer.Ordinal);
    private readonly TimeProvider time = time ?? TimeProvider.System;

    /// <summary>
    /// How a file is given the time when it was of use last, in UTC: only its owner can be sure to be let.
    /// </summary>
    public Action<string, DateTime> SetUsedAt { get; init; } = File.SetLastWriteTimeUtc;

    /// <summary>Where it lies.</summary>
    public string Root { get; } = Path.GetFullPath(root);

    /// <summary>The hashes of the datasets that are here, in order.</summary>
    public IReadOnlyList<string> List() => !Directory.Exists(Root)
        ? []
        : [.. Directory.EnumerateDirectories(Root).Select(path => Path.GetFileName(path))
            .Where(name => Hash().IsMatch(name)).Order(StringComparer.Ordinal)];

    /// <summary>Whether a dataset is here.</summary>
    public bool Contains(string sha256) => Hash().IsMatch(sha256) && Directory.Exists(Path.Combine(Root, sha256));

    /// <summary>The hash of a dataset that was made from these documents here; null if none is known.</summary>
    public string? FindMadeFrom(DatasetOrigin origin)
    {
        ArgumentNullException.ThrowIfNull(origin);
        return origin.IsSound ? List().FirstOrDefault(sha256 => File.Exists(MadeFrom(sha256, origin))) : null;
    }

    /// <summary>Begins a dataset; feed its tokens to <see cref="DatasetStaging.Output"/>.</summary>
    /// <param name="shardTokens">Tokens of a shard, 1 or more.</param>
    public DatasetStaging Begin(int shardTokens = DatasetDescription.DefaultShardTokens)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(shardTokens);
        Directory.CreateDirectory(Root);
        return new DatasetStaging(this, shardTokens);
    }

    /// <summary>Opens a dataset and compares every shard with its hash.</summary>
    /// <exception cref="UserErrorException">There is none of that hash, or it is damaged.</exception>
    public StoredDataset Open(string sha256)
    {
        var path = Path.Combine(Root, sha256);
        return StoredDataset.Open(Describe(sha256), path);
    }

    /// <summary>What a dataset is, without reading its shards.</summary>
    /// <exception cref="UserErrorException">There is none of that hash, or its description is damaged.</exception>
    public DatasetDescription Describe(string sha256)
    {
        if (!Contains(sha256))
            throw new UserErrorException($"There is no dataset {sha256} in {Root}; submit the text again.");
        var file = Path.Combine(Root, sha256, DatasetDescription.FileName);
        try
        {
            using var stream = File.OpenRead(file);
            if (JsonSerializer.Deserialize<DatasetDescription>(stream, Json) is { } found && found.IsSound(sha256))
                return found;
        }
        catch (Exception error) when (error is JsonException or IOException)
        {
            throw Damaged(file, error);
        }

        throw Damaged(file, null);
    }

    /// <summary>When a dataset was stored, or somebody used or named it last; null if it is not here.</summary>
    public DateTimeOffset? UsedAt(string sha256) =>
        Contains(sha256) ? UsedAtOf(sha256, Path.Combine(Root, sha256)) : null;

    /// <summary>Says that a dataset is of use now.</summary>
    /// <returns>False if it is not here.</returns>
    public bool Touch(string sha256) => Touch(sha256, out _);

    /// <summary>
    /// Says that a dataset is of use now. If its files cannot say so, as they are another user's, this process knows it
    /// all the same.
    /// </summary>
    /// <param name="sha256">Its hash.</param>
    /// <param name="problem">Why others do not see it; null if they do, or if it is not here.</param>
    /// <returns>False if it is not here.</returns>
    public bool Touch(string sha256, out Exception? problem)
    {
        problem = null;
        if (!Contains(sha256))
            return false;
        try
        {
            SetUsedAt(Path.Combine(Root, sha256, DatasetDescription.FileName), time.GetUtcNow().UtcDateTime);
            return true;
        }
        catch (Exception missing) when (missing is DirectoryNotFoundException or FileNotFoundException)
        {
            // It is being removed, or is damaged.
            return Contains(sha256);
        }
        catch (Exception denied) when (denied is IOException or UnauthorizedAccessException)
        {
            problem = denied;
            usedHere[sha256] = time.GetUtcNow();
            return Contains(sha256);
        }
    }

    /// <summary>Removes a dataset that nobody has used since.</summary>
    /// <param name="sha256">Its hash.</param>
    /// <param name="usedAt">What <see cref="UsedAt"/> said when it was decided on.</param>
    /// <param name="namedBy">What <see cref="NamedBy"/> said of it then: if there are more by now, it stays.</param>
    /// <returns>Whether it was removed now.</returns>
    /// <exception cref="IOException">It cannot be removed.</exception>
    public bool Remove(string sha256, DateTimeOffset usedAt, IReadOnlyCollection<NamingRun> namedBy) =>
        Contains(sha256) && RemovedFolder.Remove(
            Path.Combine(Root, sha256),
            folder => UsedAtOf(sha256, folder) == usedAt && !NamedByOf(folder).Except(namedBy).Any());

    /// <summary>The runs that have named a dataset, of all clusters; empty if it is not here.</summary>
    /// <exception cref="IOException">They cannot be read.</exception>
    public IReadOnlyList<NamingRun> NamedBy(string sha256) =>
        Contains(sha256) ? NamedByOf(Path.Combine(Root, sha256)) : [];

    /// <summary>Notes durably that a run names a dataset; once is enough.</summary>
    /// <exception cref="IOException">It is not here, or the note cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The note cannot be written.</exception>
    public void Note(string sha256, NamingRun run)
    {
        ArgumentNullException.ThrowIfNull(run);
        var folder = Path.Combine(Root, sha256, NamedByFolder);
        var note = Path.Combine(folder, run.FileName);
        if (File.Exists(note))
            return;
        MakeLast(folder);
        File.Create(note).Dispose();
        DurableFiles.FlushFolder(folder);
    }

    /// <summary>Takes the note of a run away.</summary>
    /// <exception cref="IOException">It cannot be removed.</exception>
    /// <exception cref="UnauthorizedAccessException">The same.</exception>
    public void RemoveNote(string sha256, NamingRun run)
    {
        ArgumentNullException.ThrowIfNull(run);
        var note = Path.Combine(Root, sha256, NamedByFolder, run.FileName);
        if (File.Exists(note))
            File.Delete(note);
    }

    private static IReadOnlyList<NamingRun> NamedByOf(string folder)
    {
        var notes = Path.Combine(folder, NamedByFolder);
        return Directory.Exists(notes)
            ? [.. Directory.EnumerateFiles(notes).Select(path => NamingRun.Read(Path.GetFileName(path)))]
            : [];
    }

    /// <summary>
    /// Makes a folder in a dataset's, and never the dataset's: by a rename, which fails if that is being removed.
    /// </summary>
    private void MakeLast(string folder)
    {
        if (Directory.Exists(folder))
            return;
        var made = Path.Combine(Root, $".{Path.GetFileName(folder)}.{Guid.NewGuid():N}.partial");
        Directory.CreateDirectory(made);
        try
        {
            Directory.Move(made, folder);
            DurableFiles.FlushFolder(Path.GetDirectoryName(folder)!);
        }
        catch (IOException) when (Directory.Exists(folder))
        {
            // Another one was faster.
        }
        finally
        {
            if (Directory.Exists(made))
                Directory.Delete(made);
        }
    }

    private DateTimeOffset UsedAtOf(string sha256, string folder)
    {
        var description = Path.Combine(folder, DatasetDescription.FileName);
        DateTimeOffset said = new(File.GetLastWriteTimeUtc(File.Exists(description) ? description : folder));
        return usedHere.TryGetValue(sha256, out var known) && known > said ? known : said;
    }

    /// <summary>
    /// Gives a filled folder its name; one that is here already stays, as it holds the same, unless it is damaged.
    /// </summary>
    /// <exception cref="UserErrorException">The one that is here cannot be read now.</exception>
    /// <exception cref="IOException">The same, or the folder cannot be written.</exception>
    internal DatasetDescription Publish(StagedFolder staged, DatasetDescription description)
    {
        using (var stream = File.Create(staged.File(DatasetDescription.FileName)))
            JsonSerializer.Serialize(stream, description, Json);
        try
        {
            if (Touch(description.Sha256))
                Heal(staged, description.Sha256);
            else
                staged.Publish(description.Sha256);
        }
        catch (UserErrorException) when (Contains(description.Sha256))
        {
            // Another silo that shares this folder was faster.
        }

        return Describe(description.Sha256);
    }

    /// <summary>Notes from which documents a dataset was made. A note that is lost costs no more than time.</summary>
    internal void Remember(string sha256, DatasetOrigin origin)
    {
        try
        {
            MakeLast(Path.Combine(Root, sha256, MadeFromFolder));
            File.Create(MadeFrom(sha256, origin)).Dispose();
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            // The dataset is there all the same.
        }
    }

    private string MadeFrom(string sha256, DatasetOrigin origin) =>
        Path.Combine(Root, sha256, MadeFromFolder, origin.FileName);

    // One upload at a time: another may have healed it, and what is whole is never replaced.
    private void Heal(StagedFolder staged, string sha256)
    {
        lock (healing)
        {
            if (!IsDamaged(sha256))
                return;
            foreach (var run in NamedBy(sha256))
            {
                Directory.CreateDirectory(staged.File(NamedByFolder));
                File.Create(Path.Combine(staged.File(NamedByFolder), run.FileName)).Dispose();
            }

            staged.Replace(sha256);
        }
    }

    /// <summary>
    /// Whether a dataset that is here is not what its hash says. A disk that gives nothing now says nothing of that.
    /// </summary>
    private bool IsDamaged(string sha256)
    {
        try
        {
            Open(sha256).Dispose();
            return false;
        }
        catch (UserErrorException problem)
            when (problem.InnerException is null or JsonException or FileNotFoundException)
        {
            return true;
        }
    }

    private static UserErrorException Damaged(string file, Exception? cause) =>
        new($"{file} is damaged; remove its folder and submit the text again.", cause!);

    [GeneratedRegex(@"\A[0-9a-f]{64}\z")]
    private static partial Regex Hash();
}

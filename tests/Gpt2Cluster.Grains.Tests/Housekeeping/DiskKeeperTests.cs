using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Contracts.Datasets;
using Gpt2Cluster.Contracts.Runs;
using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Housekeeping;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Data.Datasets;
using Gpt2Cluster.Data.Storage;
using Gpt2Cluster.Grains.Housekeeping;
using Gpt2Cluster.Grains.Tests.Checkpoints;
using Gpt2Cluster.Grains.Tests.Workers;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Gpt2Cluster.Grains.Tests.Housekeeping;

/// <summary>What a silo removes from its disk, and what it must never take.</summary>
public sealed class DiskKeeperTests : IDisposable
{
    private static readonly ModelShape Shape = new(300, 16, 8, 2, 2);
    private static readonly TimeSpan Week = Unused.DefaultAge;

    private readonly StoredRuns stored = new("a");
    private readonly FakeTimeProvider time = new(DateTimeOffset.UtcNow);
    private readonly DatasetDirectory datasets;
    private readonly List<string> forgotten = [];
    private readonly List<RunSummary> runs = [];
    private readonly List<DeletedRunLives> deleted = [];
    private RunDescription? described;
    private bool isAway;

    private bool isTouchDenied;
    private bool isDatasetGrainAway;

    public DiskKeeperTests() => datasets = new DatasetDirectory(At("datasets"), time)
    {
        SetUsedAt = (path, at) =>
        {
            if (isTouchDenied)
                throw new UnauthorizedAccessException("It is another user's.");
            File.SetLastWriteTimeUtc(path, at);
        },
    };

    public void Dispose() => stored.Dispose();

    [Fact]
    public async Task What_a_run_names_stays_and_what_none_names_goes_after_the_time()
    {
        var (named, other) = (Dataset(1), Dataset(2));
        runs.Add(Run("run1", named));
        time.Advance(Week - TimeSpan.FromMinutes(1));
        Assert.Empty((await Keeper.Prune(Week, isDryRun: false)).Things);
        time.Advance(TimeSpan.FromMinutes(1));
        var gone = Assert.Single((await Keeper.Prune(Week, isDryRun: false)).Things);
        Assert.Equal((ThingKind.Dataset, other), (gone.Kind, gone.Name));
        Assert.True(gone.Bytes > 0);
        Assert.Equal([named], datasets.List());
        Assert.Equal([other], forgotten);
    }

    [Fact]
    public async Task The_time_begins_when_nobody_names_it_any_more()
    {
        var hash = Dataset(1);
        runs.Add(Run("run1", hash) with { Life = "life" });
        time.Advance(3 * Week);
        await Keeper.Prune(Week, isDryRun: false);
        runs.Clear();
        deleted.Add(new DeletedRunLives("run1".Run(), ["life"]));
        Assert.Empty((await Keeper.Prune(Week, isDryRun: false)).Things);
        time.Advance(Week);
        Assert.Single((await Keeper.Prune(Week, isDryRun: false)).Things);
    }

    /// <summary>Its cluster is another one that is shut down, or this one whose store was lost.</summary>
    [Theory]
    [InlineData("life")]
    [InlineData(null)]
    public async Task What_a_run_has_named_stays_as_long_as_people_have_not_deleted_that_run(string? life)
    {
        var hash = Dataset(1);
        runs.Add(Run("run1", hash) with { Life = life });
        await Keeper.Prune(Week, isDryRun: false);
        runs.Clear();
        deleted.Add(new DeletedRunLives("run1".Run(), ["another", ""]));
        deleted.Add(new DeletedRunLives("run2".Run(), ["life"]));
        time.Advance(3 * Week);
        Assert.Empty((await Keeper.Prune(Week, isDryRun: false)).Things);
        Assert.Equal([new NamingRun("", "run1", life ?? "")], datasets.NamedBy(hash));
    }

    [Fact]
    public async Task What_runs_of_two_clusters_have_named_stays_until_each_of_them_has_heard_of_its_deletion()
    {
        var hash = Dataset(1);
        datasets.Note(hash, new NamingRun("other", "run1", "life"));
        datasets.Note(hash, new NamingRun("", "run1", "life"));
        deleted.Add(new DeletedRunLives("run1".Run(), ["life"]));
        time.Advance(3 * Week);
        Assert.Empty((await Keeper.Prune(Week, isDryRun: false)).Things);
        Assert.Equal([new NamingRun("other", "run1", "life")], datasets.NamedBy(hash));
        datasets.RemoveNote(hash, new NamingRun("other", "run1", "life"));
        Assert.Single((await Keeper.Prune(Week, isDryRun: false)).Things);
    }

    [Fact]
    public async Task A_run_of_an_older_version_is_asked_what_it_reads()
    {
        var hash = Dataset(1);
        var specification = Specifications.Small(Shape) with { Dataset = new DatasetReference(hash, 3) };
        runs.Add(Run("run1") with { Datasets = null });
        described = new RunDescription
        {
            Summary = runs[0],
            Record = new RunRecord { Specification = specification },
            Workers = [],
        };
        time.Advance(2 * Week);
        Assert.Empty((await Keeper.Prune(Week, isDryRun: false)).Things);
    }

    [Fact]
    public async Task Without_an_answer_of_the_cluster_nothing_is_removed()
    {
        Dataset(1);
        Put("silos/b/uploads/0f.spool");
        deleted.Add(new DeletedRunLives("run1".Run(), ["old"]));
        Checkpoint(2, "old");
        time.Advance(2 * Week);
        isAway = true;
        await Assert.ThrowsAsync<OrleansException>(() => Keeper.Prune(Week, isDryRun: false));
        Assert.Single(datasets.List());
        Assert.True(File.Exists(At("silos/b/uploads/0f.spool")));
        Assert.Equal([2L], stored.Store.StepsOf("run1".Run()));
    }

    /// <summary>A store that was lost knows no run; the disk is all that is left.</summary>
    [Fact]
    public async Task Checkpoints_that_nobody_knows_stay_and_so_does_the_dataset_that_they_name()
    {
        var hash = Dataset(1);
        Checkpoint(2, "life", hash);
        time.Advance(2 * Week);
        Assert.Empty((await Keeper.Prune(Week, isDryRun: false)).Things);
        Assert.Equal([2L], stored.Store.StepsOf("run1".Run()));
        Assert.Equal([hash], datasets.List());
    }

    [Fact]
    public async Task What_was_deleted_while_the_silo_was_away_goes_at_once_and_the_next_run_of_the_name_stays()
    {
        Checkpoint(2, "old");
        Checkpoint(4, "next");
        deleted.Add(new DeletedRunLives("run1".Run(), ["old"]));
        runs.Add(Run("run1"));
        await Keeper.Prune(TimeSpan.MaxValue, isDryRun: false);
        Assert.Equal([4L], stored.Store.StepsOf("run1".Run()));

        runs.Clear();
        deleted[0] = new DeletedRunLives("run1".Run(), ["old", "next"]);
        await Keeper.Prune(TimeSpan.MaxValue, isDryRun: false);
        Assert.False(Directory.Exists(At("runs/run1")));
    }

    [Fact]
    public async Task What_was_begun_and_left_goes_and_what_somebody_fills_stays()
    {
        using var filled = new StagedFolder(At("models/m"));
        Put("models/.left.0f.partial/weights");
        Put("models/.pulled.download/weights");
        Put("models/m2/config.json");
        Put("silos/b/uploads/0f.spool");
        Put("silos/b/uploads/open.spool");
        using var open = File.OpenRead(At("silos/b/uploads/open.spool"));
        Assert.Empty((await Keeper.Prune(Week, isDryRun: false)).Things);
        time.Advance(Week + TimeSpan.FromMinutes(1));
        Assert.Equal(
            [ThingKind.Upload, ThingKind.Download, ThingKind.Remains],
            (await Keeper.Prune(Week, isDryRun: false)).Things.Select(thing => thing.Kind));
        Assert.True(Directory.Exists(filled.Path));
        Assert.True(File.Exists(At("models/m2/config.json")));
        Assert.Equal([At("silos/b/uploads/open.spool")], Directory.GetFiles(At("silos/b/uploads")));
        Assert.Empty(Directory.GetDirectories(At("models"), ".*.download"));
    }

    [Fact]
    public async Task A_look_changes_nothing()
    {
        var (named, other) = (Dataset(1), Dataset(2));
        runs.Add(Run("run1", named));
        var usedAt = datasets.UsedAt(named);
        time.Advance(Week);
        Assert.Equal([other], (await Keeper.Prune(Week, isDryRun: true)).Things.Select(thing => thing.Name));
        Assert.Equal(2, datasets.List().Count);
        Assert.Equal(usedAt, datasets.UsedAt(named));
        Assert.Empty(forgotten);
    }

    [Fact]
    public async Task What_cannot_be_touched_or_told_ends_nothing_else()
    {
        var (named, other) = (Dataset(1), Dataset(2));
        runs.Add(Run("run1", named));
        (isTouchDenied, isDatasetGrainAway) = (true, true);
        time.Advance(Week);
        var pruned = await Keeper.Prune(Week, isDryRun: false);
        Assert.Equal((other, null), (Assert.Single(pruned.Things).Name, pruned.Failure));
        Assert.Equal([new NamingRun("", "run1", "")], datasets.NamedBy(named));
    }

    /// <summary>What has a folder where its manifest belongs gives no text, as a disk that fails.</summary>
    [Fact]
    public async Task A_checkpoint_that_cannot_be_read_keeps_all_datasets_and_stays()
    {
        var hash = Dataset(1);
        Checkpoint(2, "old", hash);
        deleted.Add(new DeletedRunLives("run1".Run(), ["old"]));
        var manifest = Path.Combine(stored.Store.FolderOf("run1".Run(), 2), CheckpointManifest.FileName);
        var text = File.ReadAllText(manifest);
        File.Delete(manifest);
        Directory.CreateDirectory(manifest);
        time.Advance(2 * Week);
        Assert.Empty((await Keeper.Prune(Week, isDryRun: false)).Things);
        Directory.Delete(manifest);
        File.WriteAllText(manifest, text.Replace("\"format\":1,", "\"format\":2,", StringComparison.Ordinal));
        Assert.NotEqual(text, File.ReadAllText(manifest));
        Assert.Empty((await Keeper.Prune(Week, isDryRun: false)).Things);
        File.WriteAllText(manifest, text);
        Assert.Equal(
            [ThingKind.Dataset, ThingKind.Checkpoint],
            (await Keeper.Prune(Week, isDryRun: false)).Things.Select(thing => thing.Kind));
    }

    /// <summary>A link to nothing is listed and has no length, as what vanishes in between.</summary>
    [Fact]
    public async Task What_vanishes_while_it_is_looked_at_ends_nothing_else()
    {
        Put("silos/b/uploads/0f.spool");
        File.CreateSymbolicLink(At("silos/b/uploads/gone.spool"), At("nothing"));
        time.Advance(2 * Week);
        Assert.Equal(
            "0f.spool",
            Assert.Single((await Keeper.Prune(Week, isDryRun: false)).Things).Name);
    }

    [Fact]
    public async Task Two_silos_that_share_the_folder_remove_each_thing_once()
    {
        Dataset(1);
        Dataset(2);
        time.Advance(Week);
        var both = await Task.WhenAll(Keeper.Prune(Week, isDryRun: false), Keeper.Prune(Week, isDryRun: false));
        Assert.Equal(2, both.Sum(pruned => pruned.Things.Count));
        Assert.All(both, pruned => Assert.Null(pruned.Failure));
        Assert.Empty(Directory.GetFileSystemEntries(At("datasets")));
    }

    private DiskKeeper Keeper => new(
        stored.Silo,
        new DiskInventory(stored.Silo, datasets, stored.Store),
        datasets,
        stored.Store,
        Grains(),
        time,
        NullLogger<DiskKeeper>.Instance);

    private IGrainFactory Grains()
    {
        var cluster = Proxy.Of<ICluster>((_, _) => isAway
            ? Task.FromException<KnownRuns>(new OrleansException("The store is away."))
            : Task.FromResult(new KnownRuns([.. runs], [.. deleted])));
        var run = Proxy.Of<ITrainingRun>((_, _) => Task.FromResult(described));
        return Proxy.Of<IGrainFactory>((method, arguments) => method.ReturnType == typeof(ICluster) ? cluster
            : method.ReturnType == typeof(ITrainingRun) ? run
            : Proxy.Of<IDataset>((_, _) =>
            {
                forgotten.Add((string)arguments[0]!);
                return isDatasetGrainAway ? Task.FromException(new TimeoutException()) : Task.CompletedTask;
            }));
    }

    private static RunSummary Run(string name, params string[] hashes) => new()
    {
        Name = name.Run(),
        Status = RunStatus.Paused,
        Step = 1,
        Steps = 2,
        Model = "scratch:tiny",
        SubmittedAt = DateTimeOffset.UnixEpoch,
        Datasets = hashes,
    };

    private string At(string path) => Path.Combine(stored.Silo.DataFolder, path);

    private void Put(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(At(path))!);
        File.WriteAllText(At(path), "something");
    }

    private string Dataset(ushort token)
    {
        using var staging = datasets.Begin();
        using var tokenizer = new DatasetTokenizer(staging.Output);
        tokenizer.BeginDocument("a test");
        tokenizer.Tokens([token, 2, 3]);
        tokenizer.EndArray();
        tokenizer.EndDocument();
        var hash = staging.Publish(tokenizer.Complete(), "a test").Sha256;
        datasets.Touch(hash);
        return hash;
    }

    private void Checkpoint(long step, string life, string? dataset = null)
    {
        using var replica = new FakeReplica(Shape);
        replica.Initialize(5);
        var specification = Specifications.Small(Shape);
        stored.Write(
            replica,
            step,
            dataset is null ? specification : specification with { Dataset = new DatasetReference(dataset, 3) },
            life);
    }
}

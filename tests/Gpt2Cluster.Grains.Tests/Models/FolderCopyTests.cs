using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Grains.Checkpoints;
using Gpt2Cluster.Grains.Models;
using Gpt2Cluster.Grains.Tests.Checkpoints;
using Gpt2Cluster.Grains.Tests.Workers;

namespace Gpt2Cluster.Grains.Tests.Models;

/// <summary>Silo b copies a checkpoint that silo a has written.</summary>
public sealed class FolderCopyTests : IDisposable
{
    private static readonly string Folder = CheckpointStore.RelativeFolderOf("run1".Run(), 12);

    private readonly StoredRuns a = new("a");
    private readonly StoredRuns b = new("b");

    public FolderCopyTests()
    {
        Write(12, vocabulary: null);
    }

    private string Target => Path.Combine(b.Silo.DataFolder, Folder);

    public void Dispose()
    {
        a.Dispose();
        b.Dispose();
    }

    [Fact]
    public async Task A_sound_checkpoint_comes_whole()
    {
        Assert.True(await Copy(a).Run(Folder, Target));
        Assert.Equal(a.Store.ManifestOf("run1".Run(), 12).StateHash, b.Store.ManifestOf("run1".Run(), 12).StateHash);
        foreach (var file in Directory.GetFiles(Target))
        {
            var original = Path.Combine(a.Silo.DataFolder, Folder, Path.GetFileName(file));
            Assert.Equal(await File.ReadAllBytesAsync(original), await File.ReadAllBytesAsync(file));
        }
    }

    [Fact]
    public async Task A_damaged_checkpoint_is_not_spread()
    {
        a.FlipBit(12, "parameters.safetensors", 5000);
        var problem = await Assert.ThrowsAsync<DamagedSourceException>(
            () => Copy(a).Run(Folder, Target));
        Assert.Contains("parameters.safetensors does not have the manifest's hash", problem.Message);
        Assert.Empty(b.Store.StepsOf("run1".Run()));
        Assert.Empty(Directory.GetFileSystemEntries(Path.GetDirectoryName(Target)!));
    }

    [Fact]
    public async Task A_checkpoint_whose_manifest_cannot_be_read_is_damaged_where_it_lies()
    {
        File.WriteAllText(Path.Combine(a.Silo.DataFolder, Folder, "manifest.json"), "{");
        await Assert.ThrowsAsync<DamagedSourceException>(() => Copy(a).Run(Folder, Target));
        Assert.Empty(b.Store.StepsOf("run1".Run()));
    }

    [Fact]
    public async Task A_checkpoint_without_one_of_its_files_is_not_spread()
    {
        File.Delete(Path.Combine(a.Silo.DataFolder, Folder, "first-moments.safetensors"));
        await Assert.ThrowsAsync<DamagedSourceException>(() => Copy(a).Run(Folder, Target));
        Assert.Empty(b.Store.StepsOf("run1".Run()));
    }

    [Fact]
    public async Task What_is_not_there_is_no_copy() =>
        Assert.False(await Copy(b).Run(Folder, Path.Combine(a.Silo.DataFolder, "copy")));

    [Fact]
    public async Task The_vocabulary_of_its_run_comes_with_a_checkpoint()
    {
        var sha256 = new string('a', 64);
        Write(14, sha256);
        var folder = Directory.CreateDirectory(Path.Combine(a.Silo.DataFolder, "vocabularies", sha256)).FullName;
        await File.WriteAllTextAsync(Path.Combine(folder, "vocabulary.json"), "{}");
        var relative = CheckpointStore.RelativeFolderOf("run1".Run(), 14);
        Assert.True(await Copy(a).Run(relative, Path.Combine(b.Silo.DataFolder, relative)));
        var copy = Path.Combine(b.Silo.DataFolder, "vocabularies", sha256, "vocabulary.json");
        Assert.Equal("{}", await File.ReadAllTextAsync(copy));
    }

    private FolderCopy Copy(StoredRuns from) => new(DiskStore.Of(from), new DataDisk(), new StoredPaths(b.Silo));

    private void Write(long step, string? vocabulary)
    {
        var shape = new ModelShape(300, 16, 8, 2, 2);
        using var written = new FakeReplica(shape);
        written.Initialize(seed: 5);
        var specification = Specifications.Small(shape);
        a.Write(
            written, step, specification with { Model = specification.Model with { Vocabulary = vocabulary } });
    }
}

using System.Security.Cryptography;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Models;
using Gpt2Cluster.Contracts.Runs;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Core.Threads;
using Gpt2Cluster.Grains.Checkpoints;
using Gpt2Cluster.Grains.Tests.Silos;
using Gpt2Cluster.Grains.Tests.Workers;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gpt2Cluster.Grains.Tests.Models;

/// <summary>What a silo's disk holds, what comes to it from another one, and what is taken away from it.</summary>
[Collection(TwoSilosCollection.Name)]
public sealed class ModelStoreGrainTests(TwoSilos silos)
{
    private const string Weights = "model.safetensors";

    private IModelStore A => silos.Grains.Store(silos.A.Name);

    private IModelStore B => silos.Grains.Store(silos.B.Name);

    [Fact]
    public async Task A_model_that_was_sent_is_listed_with_all_that_it_is()
    {
        var name = await Import(0.5f);
        var listed = Assert.Single(await A.List(), model => model.Name == name);
        Assert.Equal(Archives.Shape, listed.Shape);
        Assert.Equal(new ParameterLayout(Archives.Shape).Length, listed.ParameterCount);
        Assert.Equal(silos.A.Name, listed.SiloName);
        Assert.DoesNotContain(await B.List(), model => model.Name == name);

        var shown = (await A.ShowModel(name))!;
        Assert.Equal(listed, shown.Model);
        Assert.Equal(listed.Bytes, shown.Files.Sum(file => file.Length));
        Assert.Equal(shown.Files.ToHashSet(), [.. await A.Files($"models/{name}")]);
        foreach (var file in shown.Files)
        {
            var bytes = await A.Read(file.RelativePath, 0, int.MaxValue);
            Assert.Equal(await File.ReadAllBytesAsync(silos.A.File(file.RelativePath)), bytes);
            Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(bytes)), await Hash(A, file.RelativePath));
        }

        Assert.Null(await B.ShowModel(name));
        Assert.Empty(await B.Files($"models/{name}"));
        Assert.Null(await Hash(B, $"models/{name}/{Weights}"));
    }

    [Theory]
    [InlineData("models/../silos")]
    [InlineData("silos/a")]
    [InlineData("models/")]
    [InlineData("/etc")]
    public async Task Nothing_else_of_the_disk_can_be_named(string folder)
    {
        await Assert.ThrowsAsync<UserErrorException>(() => A.Files(folder));
        await Assert.ThrowsAsync<UserErrorException>(() => A.Read($"{folder}/x", 0, 1));
        await Assert.ThrowsAsync<UserErrorException>(() => A.Hash($"{folder}/x"));
        await Assert.ThrowsAsync<UserErrorException>(() => B.Bring(folder, silos.A.Name));
    }

    [Fact]
    public async Task A_model_is_brought_from_another_silo_once()
    {
        var name = await Import(0.25f);
        var folder = $"models/{name}";
        Assert.Equal(CopyOutcome.IsNotThere, (await Bring(B, folder, silos.B.Name)).Outcome);
        Assert.Equal(CopyOutcome.IsHere, (await Bring(B, folder, silos.A.Name)).Outcome);
        foreach (var file in await A.Files(folder))
        {
            Assert.Equal(
                await File.ReadAllBytesAsync(silos.A.File(file.RelativePath)),
                await File.ReadAllBytesAsync(silos.B.File(file.RelativePath)));
        }

        var written = File.GetLastWriteTimeUtc(silos.B.File($"{folder}/{Weights}"));
        Assert.Equal(CopyOutcome.IsHere, (await Bring(B, folder, silos.A.Name)).Outcome);
        Assert.Equal(written, File.GetLastWriteTimeUtc(silos.B.File($"{folder}/{Weights}")));
        Assert.Empty(Partial(silos.B, "models"));
    }

    [Fact]
    public async Task What_a_peer_has_not_or_cannot_give_leaves_nothing_here()
    {
        Assert.Equal(CopyOutcome.IsNotThere, (await Bring(B, "models/nobodys", silos.A.Name)).Outcome);
        var failed = await Bring(B, "models/nobodys", "no-silo".Silo());
        Assert.Equal((CopyOutcome.Failed, "silo no-silo does not answer"), (failed.Outcome, failed.Reason));

        var step = Checkpoint("damaged-run", "scratch:tiny");
        var parameters = silos.A.File($"{step}/parameters.safetensors");
        var bytes = await File.ReadAllBytesAsync(parameters);
        bytes[^1] ^= 1;
        await File.WriteAllBytesAsync(parameters, bytes);
        var damaged = await Bring(B, step, silos.A.Name);
        Assert.Equal(CopyOutcome.IsDamaged, damaged.Outcome);
        Assert.Contains("parameters.safetensors does not have the manifest's hash", damaged.Reason);
        Assert.DoesNotContain("nobodys", silos.B.Entries("models"));
        Assert.Empty(Partial(silos.B, "models"));
        Assert.Empty(silos.B.Entries("runs/damaged-run/checkpoints"));
    }

    /// <summary>A checkpoint of an earlier life of the run's name has its place, and not its bits.</summary>
    [Fact]
    public async Task Another_checkpoint_in_the_place_of_the_wanted_one_is_set_aside()
    {
        var folder = Checkpoint("twice-run", "scratch:tiny");
        Checkpoint("twice-run", "scratch:tiny", silos.B, seed: 8);
        var hash = Manifest(silos.A, folder).StateHash;
        Assert.NotEqual(hash, Manifest(silos.B, folder).StateHash);
        Assert.Equal(CopyOutcome.IsHere, (await Bring(B, folder, silos.A.Name, hash)).Outcome);
        Assert.Equal(hash, Manifest(silos.B, folder).StateHash);
    }

    [Fact]
    public async Task A_model_that_a_run_needs_is_not_removed_until_the_run_is()
    {
        var name = await Import(0.125f);
        ushort[] tokens = [.. Enumerable.Range(0, 100).Select(token => (ushort)token)];
        var dataset = await silos.Grains.StoreDataset(silos.A.Name, tokens);
        var run = silos.Grains.Run("needs-model".Run());
        var submission = new Submission { Specification = Specification("needs-model", name, dataset.Hash) };
        var answer = await run.Submit(submission);
        Assert.Empty(answer.Reasons);

        var refused = await Remove(name);
        Assert.Equal($"The run needs-model needs the model {name}; 'delete needs-model' goes first.", refused.Refusal);
        Assert.True(Directory.Exists(silos.A.File($"models/{name}")));

        Assert.True(await run.Cancel());
        Assert.Equal(DeletionOutcome.Deleted, (await run.Delete((await run.Describe())!.Record.Life)).Outcome);
        var bytes = (await A.ShowModel(name))!.Model.Bytes;
        Assert.Equal((bytes, null, null), Removed(await Remove(name)));
        Assert.False(Directory.Exists(silos.A.File($"models/{name}")));
        Assert.Equal((0, null, null), Removed(await Remove(name)));
        Assert.DoesNotContain(await A.List(), model => model.Name == name);
    }

    [Fact]
    public async Task A_run_that_is_removed_from_the_disk_leaves_others_lives_alone()
    {
        Checkpoint("gone-run", "scratch:tiny", life: "first");
        Assert.Contains(await A.RunSizes(), run => run.Run == "gone-run".Run() && run.Bytes > 0);
        var others = await RemoveRun("gone-run", "second");
        Assert.Equal((0L, null, null), Removed(others));
        Assert.Single(await A.Checkpoints("gone-run".Run()));
        Assert.True((await RemoveRun("gone-run", "first")).Bytes > 0);
        Assert.Empty(await A.Checkpoints("gone-run".Run()));
        Assert.DoesNotContain(await A.RunSizes(), run => run.Run == "gone-run".Run());
    }

    [Fact]
    public async Task A_dataset_is_found_by_its_documents_as_long_as_it_is_whole()
    {
        ushort[] tokens = [.. Enumerable.Range(300, 60).Select(token => (ushort)token)];
        var dataset = await silos.Grains.StoreDataset(silos.A.Name, tokens);
        var content = Assert.Single(silos.A.Entries($"datasets/{dataset.Hash}/made-from")).Split('-')[1];
        Assert.Equal(dataset.Hash, (await Find(content))?.Hash);
        Assert.Null(await Find(new string('0', 64)));
        var shard = silos.A.File($"datasets/{dataset.Hash}/shard-00000.bin");
        await File.WriteAllBytesAsync(shard, new byte[2 * tokens.Length]);
        Assert.Null(await Find(content));
    }

    [Fact]
    public async Task A_dry_run_of_pruning_removes_nothing()
    {
        var dataset = await silos.Grains.StoreDataset(silos.A.Name, 7, 8, 9);
        var description = silos.A.File($"datasets/{dataset.Hash}/dataset.json");
        File.SetLastWriteTimeUtc(description, DateTime.UnixEpoch);
        var told = await TwoSilos.Ask(() => A.Prune(isDryRun: true), answer => answer.IsDone);
        Assert.Contains(dataset.Hash, told.Things.Select(thing => thing.Name));
        Assert.True(File.Exists(description));
        var removed = await TwoSilos.Ask(() => A.Prune(isDryRun: false), answer => answer.IsDone);
        Assert.Contains(dataset.Hash, removed.Things.Select(thing => thing.Name));
        Assert.Null(removed.Failure);
        Assert.False(Directory.Exists(Path.GetDirectoryName(description)));
        Assert.Null(await A.Dataset(dataset.Hash));
        Assert.Null(await silos.Grains.Dataset(dataset.Hash).Describe());
    }

    private async Task<string> Import(float value)
    {
        var name = $"m-{Guid.NewGuid():N}";
        await silos.Grains.StoreModel(silos.A.Name, name, value);
        return name;
    }

    private static IEnumerable<string> Partial(TestSilo silo, string folder) =>
        silo.Entries(folder).Where(name => name.StartsWith('.'));

    private static Task<CopyAnswer> Bring(IModelStore store, string folder, SiloName from, string? stateHash = null) =>
        TwoSilos.Ask(() => store.Bring(folder, from, stateHash), answer => answer.Outcome != CopyOutcome.IsUnderWay);

    private static async Task<string?> Hash(IModelStore store, string file) =>
        (await TwoSilos.Ask(() => store.Hash(file), answer => answer.IsDone)).Sha256;

    private Task<RemovalAnswer> Remove(string model) =>
        TwoSilos.Ask(() => A.RemoveModel(model), answer => answer.IsDone);

    private Task<RemovalAnswer> RemoveRun(string run, string life) =>
        TwoSilos.Ask(() => A.RemoveRun(run.Run(), [life]), answer => answer.IsDone);

    private static (long Bytes, string? Failure, string? Refusal) Removed(RemovalAnswer answer) =>
        (answer.Bytes, answer.Failure, answer.Refusal);

    private async Task<Contracts.Datasets.DatasetDescription?> Find(string content) =>
        (await TwoSilos.Ask(() => A.FindDataset(content, null), answer => answer.IsDone)).Dataset;

    private static RunSpecification Specification(string run, string model, string dataset)
    {
        var small = Specifications.Small(Archives.Shape);
        return small with
        {
            Run = RunName.Parse(run),
            Model = small.Model with { Name = model },
            Dataset = new DatasetReference(dataset, 100),
            Sampling = new SamplingOptions { Length = 2 },
        };
    }

    /// <summary>Writes a checkpoint of step 2 to a silo's disk, as a worker of it would.</summary>
    /// <returns>Its folder's name in the store.</returns>
    private string Checkpoint(
        string run, string model, TestSilo? silo = null, ulong seed = 7, string life = "first")
    {
        silo ??= silos.A;
        using var replica = new FakeReplica(Archives.Shape);
        replica.Initialize(seed);
        using var snapshot = replica.Snapshot();
        var record = new RunRecord { Specification = Specification(run, model, new string('a', 64)), Lives = [life] };
        new CheckpointStore(silo.Context, new DataDisk(), NullLogger<CheckpointStore>.Instance)
            .Publish(snapshot, record, new WriteCheckpoint(silo.Worker, 1, 2, null, IsBest: false)).WaitHere();
        return CheckpointStore.RelativeFolderOf(run.Run(), 2);
    }

    private static CheckpointManifest Manifest(TestSilo silo, string folder) =>
        CheckpointManifest.Read(File.ReadAllText(silo.File($"{folder}/{CheckpointManifest.FileName}")));
}

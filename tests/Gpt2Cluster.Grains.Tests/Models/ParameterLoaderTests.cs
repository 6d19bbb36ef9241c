using System.Security.Cryptography;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Data.Models;
using Gpt2Cluster.Data.Models.HuggingFace;
using Gpt2Cluster.Data.Tokens;
using Gpt2Cluster.Grains.Checkpoints;
using Gpt2Cluster.Grains.Models;
using Gpt2Cluster.Grains.Tests.Checkpoints;
using Gpt2Cluster.Grains.Tests.Workers;

namespace Gpt2Cluster.Grains.Tests.Models;

/// <summary>What a run starts from is what it was at submission, with no trace of what the replica held.</summary>
public sealed class ParameterLoaderTests : IDisposable
{
    private static readonly ModelShape Shape = new(300, 16, 8, 2, 2);

    private readonly StoredRuns stored = new("a");
    private readonly FakeReplica written = new(Shape);
    private readonly FakeReplica replica = new(Shape);
    private readonly CheckpointManifest manifest;

    public ParameterLoaderTests()
    {
        written.Initialize(seed: 5);
        replica.Initialize(seed: 6);
        manifest = stored.Write(written, step: 12, Specifications.Small(Shape));
    }

    private ModelReference Base => new("run:run1", Shape, manifest.StateHash, 12);

    public void Dispose()
    {
        stored.Dispose();
        written.Dispose();
        replica.Dispose();
    }

    [Fact]
    public void Another_runs_checkpoint_gives_its_parameters_and_zero_moments()
    {
        Load(Base);
        Assert.Equal(0, replica.Step);
        Assert.Equal(Elements(written, ReplicaPart.Parameters), Elements(replica, ReplicaPart.Parameters));
        AssertNoMoments();
    }

    [Fact]
    public void A_stored_model_gives_zero_moments()
    {
        Load(new ModelReference("m", Shape, HashOfModel()));
        Assert.Equal(0, replica.Step);
        Assert.Equal(Elements(written, ReplicaPart.Parameters), Elements(replica, ReplicaPart.Parameters));
        AssertNoMoments();
    }

    [Fact]
    public void Other_weights_under_the_models_name_are_not_taken()
    {
        var model = new ModelReference("m", Shape, HashOfModel() + "0");
        var problem = Assert.Throws<InvalidDataException>(() => Load(model));
        Assert.Contains("the model m on silo a has other weights", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_base_checkpoint_that_is_gone_is_the_users_to_mend()
    {
        var problem = Assert.Throws<UserErrorException>(() => Load(Base with { Step = 13 }));
        Assert.Contains("The checkpoint of step 13 of the run run1 cannot be had", problem.Message);
    }

    [Fact]
    public void A_base_checkpoint_that_is_another_by_now_is_the_users_to_mend() =>
        Assert.Throws<UserErrorException>(() => Load(Base with { Sha256 = "00" }));

    [Fact]
    public void A_runs_vocabulary_is_the_one_of_its_hash()
    {
        var published = Gpt2Vocabulary.BuiltIn;
        var tokens = Enumerable.Range(0, published.Count).ToDictionary(id => published.WordOf(id)!, id => id + 1);
        var own = Gpt2Vocabulary.Read(
            tokens,
            published.MergeList.Select(merge => $"{published.WordOf(merge.Left)} {published.WordOf(merge.Right)}"),
            default,
            "a test");
        var model = new ModelReference("m", Shape, Vocabulary: own.Reference);
        var problem = Assert.Throws<IOException>(() => Loader().VocabularyOf(model));
        Assert.Contains($"the run's vocabulary {own.Sha256}", problem.Message, StringComparison.Ordinal);
        new VocabularyDirectory(Path.Combine(stored.Silo.DataFolder, VocabularyDirectory.FolderName)).Store(own);
        Assert.Equal(50257, Loader().VocabularyOf(model).EndOfText);
        Assert.Same(published, Loader().VocabularyOf(new ModelReference("m", Shape)));
    }

    private static float[] Elements(FakeReplica replica, ReplicaPart part)
    {
        var elements = new float[replica.Layout.Length];
        replica.Read(part, 0, elements);
        return elements;
    }

    private void AssertNoMoments()
    {
        Assert.All(Elements(replica, ReplicaPart.FirstMoments), value => Assert.Equal(0, value));
        Assert.All(Elements(replica, ReplicaPart.SecondMoments), value => Assert.Equal(0, value));
    }

    private string HashOfModel()
    {
        var folder = Path.Combine(stored.Silo.DataFolder, "models", "m");
        var elements = Elements(written, ReplicaPart.Parameters);
        ModelFolderWriter.Write(
            folder, replica.Layout, (start, into) => elements.AsSpan((int)start, into.Length).CopyTo(into));
        return Convert.ToHexStringLower(
            SHA256.HashData(File.ReadAllBytes(Path.Combine(folder, ModelFolder.WeightsFileName))));
    }

    private void Load(ModelReference model) =>
        Loader().LoadModel(replica, model, seed: 1, CancellationToken.None);

    private ParameterLoader Loader()
    {
        var peers = new FakePeers(stored);
        return new ParameterLoader(
            stored.Silo,
            new StoredPaths(stored.Silo),
            new FileHashes(new DataDisk()),
            peers,
            null!,
            new CheckpointLoader(stored.Silo, stored.Store, peers));
    }
}

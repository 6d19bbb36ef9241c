using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Contracts.Runs;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Grains.Models;
using Gpt2Cluster.Grains.Tests.Checkpoints;
using Gpt2Cluster.Grains.Tests.Workers;

namespace Gpt2Cluster.Grains.Tests.Models;

/// <summary>What keeps a model in the store, asked directly before it is removed.</summary>
public sealed class ModelNeedsTests : IDisposable
{
    private static readonly ModelShape Shape = new(300, 16, 8, 2, 2);

    private readonly StoredRuns stored = new("a");
    private readonly List<RunSummary> runs = [];
    private readonly List<DeletedRunLives> deleted = [];
    private bool isClusterAway;
    private bool isRunAway;

    public void Dispose() => stored.Dispose();

    [Fact]
    public async Task A_run_that_began_with_it_and_may_go_on_keeps_it()
    {
        runs.Add(Run("run2", "mine", RunStatus.Paused));
        Assert.Contains("run2", await Reason("mine"), StringComparison.Ordinal);
        Assert.Null(await Reason("other"));
        runs[0] = Run("run2", "mine", RunStatus.Completed);
        Assert.Null(await Reason("mine"));
    }

    [Fact]
    public async Task Without_an_answer_it_is_kept()
    {
        runs.Add(Run("run2", "mine", RunStatus.Completed));
        isRunAway = true;
        Assert.Contains("run2", await Reason("mine"), StringComparison.Ordinal);
        isClusterAway = true;
        Assert.Contains("does not say", await Reason("mine"), StringComparison.Ordinal);
    }

    /// <summary>The store may have been lost: adapters on the disk are worth nothing without their model.</summary>
    [Fact]
    public async Task A_checkpoint_of_adapters_keeps_the_model_beside_them_until_its_run_is_deleted()
    {
        Checkpoint("mine", TrainableParameters.Lora);
        Assert.Contains("run1", await Reason("mine"), StringComparison.Ordinal);
        Assert.Null(await Reason("other"));
        deleted.Add(new DeletedRunLives("run1".Run(), ["life"]));
        Assert.Null(await Reason("mine"));
    }

    [Fact]
    public async Task A_checkpoint_of_all_parameters_keeps_none()
    {
        Checkpoint("mine", TrainableParameters.All);
        Assert.Null(await Reason("mine"));
    }

    [Fact]
    public async Task A_checkpoint_of_a_newer_version_keeps_all()
    {
        Checkpoint("other", TrainableParameters.All);
        Assert.Null(await Reason("mine"));
        stored.Rot(2, "\"format\":1", "\"format\":2");
        Assert.Contains("cannot be read", await Reason("mine"), StringComparison.Ordinal);
    }

    private Task<string?> Reason(string model) =>
        new ModelNeeds(stored.Store, Grains(), TimeProvider.System).ReasonToKeep(model);

    private IGrainFactory Grains()
    {
        var cluster = Proxy.Of<ICluster>((_, _) => isClusterAway
            ? Task.FromException<KnownRuns>(new OrleansException("The store is away."))
            : Task.FromResult(new KnownRuns([.. runs], [.. deleted])));
        return Proxy.Of<IGrainFactory>((method, arguments) => method.ReturnType == typeof(ICluster)
            ? cluster
            : Proxy.Of<ITrainingRun>((_, _) => isRunAway
                ? Task.FromException<RunDescription?>(new TimeoutException("It does not answer."))
                : Task.FromResult<RunDescription?>(
                    Describe(runs.Single(run => $"{run.Name}" == (string)arguments[0]!)))));
    }

    private static RunDescription Describe(RunSummary run) => new()
    {
        Summary = run,
        Record = new RunRecord
        {
            Specification = Specification(run.Model, TrainableParameters.All),
            Status = run.Status,
        },
        Workers = [],
    };

    private static RunSpecification Specification(string model, TrainableParameters trainable)
    {
        var small = Specifications.Small(Shape);
        return small with
        {
            Model = small.Model with { Name = model },
            Trainable = trainable,
            Lora = trainable == TrainableParameters.Lora ? new LoraOptions { Rank = 2, Alpha = 4 } : null,
        };
    }

    private static RunSummary Run(string name, string model, RunStatus status) => new()
    {
        Name = name.Run(),
        Status = status,
        Step = 1,
        Steps = 2,
        Model = model,
        SubmittedAt = DateTimeOffset.UnixEpoch,
        Datasets = [],
    };

    private void Checkpoint(string model, TrainableParameters trainable)
    {
        var specification = Specification(model, trainable);
        using var replica = new FakeReplica(specification.Parameters());
        replica.Initialize(5);
        stored.Write(replica, 2, specification, "life");
    }
}

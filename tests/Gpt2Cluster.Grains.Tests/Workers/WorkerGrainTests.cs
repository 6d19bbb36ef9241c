using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Workers;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Grains.Tests.Silos;

namespace Gpt2Cluster.Grains.Tests.Workers;

/// <summary>
/// A worker's mailbox on real silos: orders as a coordinator sends them, reports as it hears them. The replica computes
/// nothing; the windows are a stored dataset's.
/// </summary>
[Collection(TwoSilosCollection.Name)]
public sealed class WorkerGrainTests(TwoSilos silos) : IAsyncLifetime
{
    private static readonly ModelShape Shape = new(300, 16, 8, 2, 2);
    private static readonly ushort[] Tokens = [.. Enumerable.Range(0, 200).Select(token => (ushort)token)];

    private readonly RunName run = $"run-{Guid.NewGuid():N}".Run();
    private RunSpecification specification = null!;

    private IWorker Worker => silos.Grains.Worker(silos.A.Worker);

    public async ValueTask InitializeAsync()
    {
        var dataset = await silos.Grains.StoreDataset(silos.A.Name, Tokens);
        specification = Specifications.Small(Shape) with
        {
            Run = run,
            Dataset = new DatasetReference(dataset.Hash, Tokens.Length),
        };
    }

    public async ValueTask DisposeAsync()
    {
        silos.A.ReplicaFailure = null;
        await Worker.Release(run, int.MaxValue);
        await silos.Grains.Worker(silos.B.Worker).Release(run, int.MaxValue);
    }

    [Fact]
    public async Task A_worker_is_prepared_trains_and_answers_a_repeated_order_once_more_without_doing_it_again()
    {
        var ready = await Prepare(1);
        Assert.Equal((silos.A.Worker, 1, 0L), (ready.Worker, ready.Generation, ready.Step));
        var first = await Train(1, 1);
        Assert.Equal([0.5, 1.5, 2.5, 3.5], first.Losses);
        Assert.Equal((1L, true, 77L), (first.Step, first.Applied, first.SentBytes));
        var calls = silos.A.Replica.Calls.ToArray();
        Assert.Contains("compute 1.3", calls);

        Assert.True(await Worker.Plan(run, PlanOf(1, 1)));
        Assert.Equivalent(first, await silos.NextReport(run), strict: true);
        Assert.Equal(calls, silos.A.Replica.Calls);
        Assert.True(await Order(1, ReplicaSource.Initialize));
        Assert.Equivalent(ready, await silos.NextReport(run), strict: true);
        Assert.Equal(new WorkerPosition(run, 1, 1), await Worker.Stand());
        Assert.True(silos.IsSilent(run));
    }

    [Fact]
    public async Task A_newer_generation_keeps_the_replica_and_an_older_ones_orders_are_refused()
    {
        await Prepare(1);
        var replica = silos.A.Replica;
        await Train(1, 1);
        var kept = await Prepare(2, ReplicaSource.Keep);
        Assert.Equal((2, 1L), (kept.Generation, kept.Step));
        Assert.Same(replica, silos.A.Replica);

        Assert.False(await Worker.Plan(run, PlanOf(1, 2)));
        Assert.False(await Order(1, ReplicaSource.Initialize));
        Assert.False(await Worker.Plan(run, PlanOf(3, 2)));
        Assert.False(await Worker.Plan("another-run".Run(), PlanOf(2, 2)));
        await Worker.Release(run, 1);
        Assert.Equal(2, (await Train(2, 2)).Step);
        Assert.Equal(new WorkerPosition(run, 2, 2), await Worker.Stand());
        Assert.True(silos.IsSilent(run));
    }

    [Fact]
    public async Task The_replica_outlives_the_grains_activation()
    {
        await Prepare(1);
        await Train(1, 1);
        await silos.Deactivate(Worker);
        Assert.Equal(2, (await Train(1, 2)).Step);
        Assert.Equal(new WorkerPosition(run, 1, 2), await Worker.Stand());
    }

    [Fact]
    public async Task A_joining_worker_has_the_bits_of_the_one_it_copies()
    {
        await Prepare(1);
        await Train(1, 1);
        var order = new PrepareReplica(silos.B.Worker, 2, ReplicaSource.Copy, 1, [silos.A.Worker]);
        Assert.True(await silos.Grains.Worker(silos.B.Worker).Prepare(specification, order, null, true));
        var ready = Assert.IsType<ReplicaReady>(await silos.NextReport(run));
        Assert.Equal((silos.B.Worker, 1L), (ready.Worker, ready.Step));
        foreach (var part in Enum.GetValues<ReplicaPart>())
            Assert.Equal(Elements(silos.A.Replica, part), Elements(silos.B.Replica, part));
        Assert.Contains(specification.Dataset.Sha256, silos.B.Entries("datasets"));
    }

    [Fact]
    public async Task What_fails_is_told_and_a_repeated_order_tries_it_again()
    {
        silos.A.ReplicaFailure = new UserErrorException("The model gpt2 lacks the tensor wte.weight.");
        Assert.True(await Order(1, ReplicaSource.Initialize));
        var trouble = Assert.IsType<WorkerTroubled>(await silos.NextReport(run));
        Assert.Equal(
            (silos.A.Worker, 1, "preparing failed: The model gpt2 lacks the tensor wte.weight.", true),
            (trouble.Worker, trouble.Generation, trouble.Reason, trouble.IsFinal));

        silos.A.ReplicaFailure = null;
        await Prepare(1);
        var wrongStep = new PlanStep(silos.A.Worker, 1, 7, [new LeafRange(0, 4)], 0.01, [], IsAlone: false);
        Assert.True(await Worker.Plan(run, wrongStep));
        trouble = Assert.IsType<WorkerTroubled>(await silos.NextReport(run));
        Assert.Equal("training failed: the replica stands at step 0 and cannot compute step 7", trouble.Reason);
        Assert.Equal(1, (await Train(1, 1)).Step);
    }

    [Fact]
    public async Task A_released_worker_frees_the_replica_and_serves_nobody()
    {
        await Prepare(1);
        var replica = silos.A.Replica;
        await Worker.Release(run, 1);
        Assert.Null(await Worker.Stand());
        Assert.False(await Worker.Plan(run, PlanOf(1, 1)));
        Assert.Null(await Worker.ReadReplica(run, ReplicaPart.Parameters, 0, 1));
        Assert.Null(await Worker.HashReplica(run, ReplicaPart.Parameters, 0, 1));

        // What the compute thread does next it does behind that.
        await Prepare(2);
        Assert.True(replica.IsFreed);
        Assert.NotSame(replica, silos.A.Replica);
    }

    [Fact]
    public async Task A_checkpoint_is_what_the_replica_holds_and_is_written_once()
    {
        await Prepare(1);
        await Train(1, 1);
        var record = new RunRecord { Specification = specification, CommittedStep = 1, Lives = ["life"] };
        var order = new WriteCheckpoint(silos.A.Worker, 1, 1, null, IsBest: false);
        Assert.True(await Worker.Checkpoint(record, order));
        var written = Assert.IsType<CheckpointWritten>(await silos.NextReport(run));
        var manifest = CheckpointManifest.Read(
            await File.ReadAllTextAsync(Path.Combine(written.Path, CheckpointManifest.FileName)));
        Assert.Equal((1L, written.StateHash), (manifest.Step, manifest.StateHash));
        var pieces = new List<byte[]>();
        foreach (var part in Enum.GetValues<ReplicaPart>())
            pieces.Add((await Worker.HashReplica(run, part, 0, 1))!.Bytes);
        Assert.Equal(StateHash.Combine(1, pieces[0], pieces[1], pieces[2]), written.StateHash);

        var time = File.GetLastWriteTimeUtc(Path.Combine(written.Path, CheckpointManifest.FileName));
        Assert.True(await Worker.Checkpoint(record, order));
        Assert.Equal(written, await silos.NextReport(run));
        Assert.Equal(time, File.GetLastWriteTimeUtc(Path.Combine(written.Path, CheckpointManifest.FileName)));
    }

    private async Task<ReplicaReady> Prepare(int generation, ReplicaSource source = ReplicaSource.Initialize)
    {
        Assert.True(await Order(generation, source));
        return Assert.IsType<ReplicaReady>(await silos.NextReport(run));
    }

    private Task<bool> Order(int generation, ReplicaSource source) => Worker.Prepare(
        specification, new PrepareReplica(silos.A.Worker, generation, source, 0, []), null, reportsExchange: true);

    private async Task<StepReported> Train(int generation, long step)
    {
        Assert.True(await Worker.Plan(run, PlanOf(generation, step)));
        return Assert.IsType<StepReported>(await silos.NextReport(run));
    }

    private PlanStep PlanOf(int generation, long step) => new(
        silos.A.Worker, generation, step, [new LeafRange(0, specification.MicroBatchCount)], 0.01, [], IsAlone: false);

    private static float[] Elements(FakeReplica replica, ReplicaPart part)
    {
        var elements = new float[replica.Layout.Length];
        replica.Read(part, 0, elements);
        return elements;
    }
}

using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Core.Runs;

namespace Gpt2Cluster.Silo.Tests.Processes;

/// <summary>What coordinators say to the cluster's list, and whom it gives its only worker to.</summary>
public sealed class RunListTests : IAsyncLifetime
{
    private readonly TestFolder folder = new();
    private SiloProcess silo = null!;
    private TestClient client = null!;

    private ICluster Cluster => client.Grains.Cluster();

    public async ValueTask InitializeAsync()
    {
        silo = await SiloProcess.StartReady(folder.Path, "--redis", "embedded:0");
        client = await TestClient.Connect(silo);
    }

    public async ValueTask DisposeAsync()
    {
        await client.DisposeAsync();
        silo.Dispose();
        folder.Dispose();
    }

    [Fact]
    public async Task What_a_replaced_coordinator_says_after_the_end_of_its_run_is_not_believed()
    {
        await Cluster.RunChanged(Run("run1", RunStatus.Running, generation: 2), 1, 9, []);
        Assert.Equal("run1".Run(), (await Worker()).Run);
        await Cluster.RunChanged(Run("run1", RunStatus.Completed, generation: 2), 1, 9, []);
        Assert.Null((await Worker()).Run);

        await Cluster.RunChanged(Run("run1", RunStatus.Running, generation: 1), 1, 9, []);

        Assert.Equal(RunStatus.Completed, Assert.Single(await Cluster.Runs()).Status);
        Assert.Null((await Worker()).Run);
        await Cluster.RunChanged(Run("run1", RunStatus.Queued, generation: 2), 1, 9, []);
        Assert.Equal("run1".Run(), (await Worker()).Run);
    }

    [Fact]
    public async Task A_worker_that_its_run_refuses_serves_the_next_one_until_its_silo_is_another()
    {
        var (key, life) = ((await Worker()).Key, Assert.Single((await Cluster.Describe()).Silos).Incarnation);
        await Cluster.RunChanged(Run("old", RunStatus.Running, generation: 1), 1, 9, []);
        await Cluster.RunChanged(Run("new", RunStatus.Queued, generation: 0), 1, 9, []);
        Assert.Equal("old".Run(), (await Worker()).Run);

        await Cluster.RunChanged(Run("old", RunStatus.Running, generation: 1), 1, 9, [new(key, "another life")]);
        Assert.Equal("old".Run(), (await Worker()).Run);
        await Cluster.RunChanged(Run("old", RunStatus.Running, generation: 1), 1, 9, [new(key, life)]);
        Assert.Equal("new".Run(), (await Worker()).Run);
    }

    private async Task<WorkerDescription> Worker() =>
        Assert.Single(Assert.Single((await Cluster.Describe()).Silos).Workers);

    private static RunSummary Run(string name, RunStatus status, int generation) => new()
    {
        Name = name.Run(),
        Status = status,
        Step = 1,
        Steps = 9,
        Model = "scratch:tiny",
        SubmittedAt = DateTimeOffset.UnixEpoch.AddHours(name == "new" ? 1 : 0),
        Generation = generation,
    };
}

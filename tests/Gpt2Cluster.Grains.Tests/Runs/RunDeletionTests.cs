using System.Diagnostics.Metrics;
using System.Reflection;
using System.Text.Json;
using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Contracts.Models;
using Gpt2Cluster.Contracts.Runs;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Grains.Metrics;
using Gpt2Cluster.Grains.Runs;
using Gpt2Cluster.Grains.Tests.Workers;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Orleans.Timers;

namespace Gpt2Cluster.Grains.Tests.Runs;

/// <summary>A coordinator that is to delete its run, and what it is asked for meanwhile.</summary>
public sealed class RunDeletionTests : IDisposable
{
    private static readonly ModelShape Shape = new(300, 16, 8, 2, 2);
    private static readonly FieldInfo Current = typeof(IGrainContext).Assembly
        .GetType("Orleans.Runtime.RuntimeContext", throwOnError: true)!
        .GetField("_threadLocalContext", BindingFlags.Static | BindingFlags.NonPublic)!;

    private static readonly RunRecord Done = new()
    {
        Specification = Specifications.Small(Shape),
        Status = RunStatus.Completed,
        Lives = ["now"],
        DeletedLives = ["first"],
        Checkpoints = [new CheckpointEntry(4, "hash4", "a".Silo(), "/c/4", null, "disk")],
    };

    private readonly FakeTimeProvider time = new();
    private readonly ServiceProvider meters = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly List<string> cleared = [];
    private readonly List<CheckpointEntry> catalogue = [];
    private readonly List<RunSummary> runs = [];
    private TaskCompletionSource? answersOfOthers;
    private StoredRun stored = new();
    private Func<Task> tick = null!;

    public void Dispose() => meters.Dispose();

    [Fact]
    public async Task Only_the_life_that_is_meant_is_deleted()
    {
        var grain = await Begin(Done);
        Assert.Equal(DeletionOutcome.IsNotThere, (await grain.Delete("first")).Outcome);
        var another = await grain.Delete("before");
        Assert.Equal(DeletionOutcome.Refused, another.Outcome);
        Assert.Contains("Another run has the name run1 now", another.Reason, StringComparison.Ordinal);
        Assert.Equal(DeletionOutcome.Refused, (await grain.Delete(null)).Outcome);
        Assert.NotNull(stored.RecordJson);
        Assert.Equal(DeletionOutcome.Deleted, (await grain.Delete("now")).Outcome);
        Assert.Null(stored.RecordJson);
        Assert.Equal(["run1"], cleared);
        Assert.Empty(catalogue);
        Assert.Equal(DeletionOutcome.IsNotThere, (await grain.Delete("now")).Outcome);
    }

    [Fact]
    public async Task A_run_without_a_life_hands_its_catalogue_on()
    {
        var grain = await Begin(Done with { Lives = [], DeletedLives = [] });
        Assert.Equal(DeletionOutcome.Refused, (await grain.Delete("now")).Outcome);
        Assert.Equal(DeletionOutcome.Deleted, (await grain.Delete(null)).Outcome);
        Assert.Equal([(4L, "hash4")], catalogue.Select(entry => (entry.Step, entry.StateHash)));
    }

    /// <summary>Else what is released as nobody's would be what somebody has just asked for.</summary>
    [Fact]
    public async Task Nobody_comes_to_stand_on_a_run_that_is_being_deleted()
    {
        var grain = await Begin(Done with { Holds = [new CheckpointHold(4, "adapters".Run())] });
        answersOfOthers = new TaskCompletionSource();
        var deleting = grain.Delete("now");
        var refused = await Assert.ThrowsAsync<OrleansException>(() => grain.Hold(4, "hash4", "adapters".Run()));
        Assert.Equal(typeof(OrleansException), refused.GetType());
        answersOfOthers.SetResult();
        Assert.Equal(DeletionOutcome.Deleted, (await deleting).Outcome);
        Assert.False(await grain.Hold(4, "hash4", "adapters".Run()));
    }

    [Fact]
    public async Task A_deletion_that_stopped_half_way_goes_on_by_itself()
    {
        stored = new StoredRun { DeletedLives = ["now"], IsToBeCleared = true };
        await Begin(null);
        Assert.Empty(cleared);
        await tick();
        Assert.Equal(["run1"], cleared);
        Assert.False(stored.IsToBeCleared);
        await tick();
        Assert.Single(cleared);
    }

    [Fact]
    public async Task It_can_be_finished_by_request()
    {
        stored = new StoredRun { DeletedLives = ["now"], IsToBeCleared = true };
        var grain = await Begin(null);
        Assert.Null(await grain.Describe());
        Assert.Equal(DeletionOutcome.Deleted, (await grain.Delete(null)).Outcome);
        Assert.Equal(DeletionOutcome.IsNotThere, (await grain.Delete(null)).Outcome);
    }

    /// <summary>A coordinator that was replaced knows an old record; the name may have a new run.</summary>
    [Fact]
    public async Task One_that_was_replaced_clears_nothing()
    {
        stored = new StoredRun { DeletedLives = ["now"], IsToBeCleared = true };
        await Begin(null);
        stored = new StoredRun { RecordJson = "{}", WriteId = Guid.NewGuid() };
        await tick();
        Assert.Empty(cleared);
    }

    /// <summary>Outside of Orleans, which keeps the context of what it makes in a field.</summary>
    private async Task<TrainingRunGrain> Begin(RunRecord? record)
    {
        if (record is not null)
            stored = new StoredRun { RecordJson = JsonSerializer.Serialize(record, SpecificationJson.Options) };
        var series = new RunSeries(time);
        var metrics = new RunMetrics(
            new RunInstruments(meters.GetRequiredService<IMeterFactory>(), series, time), series, time);
        Current.SetValue(null, Context());
        TrainingRunGrain grain;
        try
        {
            grain = new TrainingRunGrain(
                Store(), new MemoryEventStore(), metrics, new LocalCoordinators(), new RunOptions(), time,
                NullLogger<TrainingRunGrain>.Instance);
        }
        finally
        {
            Current.SetValue(null, null);
        }

        await grain.OnActivateAsync(CancellationToken.None);
        return grain;
    }

    private IPersistentState<StoredRun> Store()
    {
        var state = stored;
        return Proxy.Of<IPersistentState<StoredRun>>((method, arguments) =>
        {
            switch (method.Name)
            {
                case "get_State": return state;
                case "set_State": state = (StoredRun)arguments[0]!; return null;
                case nameof(IPersistentState<>.ReadStateAsync): state = stored; return Task.CompletedTask;
                case nameof(IPersistentState<>.WriteStateAsync): stored = state; return Task.CompletedTask;
                default: throw new NotSupportedException(method.Name);
            }
        });
    }

    private IGrainContext Context()
    {
        var timers = Proxy.Of<ITimerRegistry>((_, arguments) =>
        {
            var (callback, state) = ((Delegate)arguments[1]!, arguments[2]);
            tick = () => (Task)callback.DynamicInvoke(state, CancellationToken.None)!;
            return Proxy.Of<IGrainTimer>((_, _) => null);
        });
        var grains = Grains();
        IServiceProvider services = null!;
        var runtime = Proxy.Of<IGrainRuntime>((method, _) => method.Name switch
        {
            "get_GrainFactory" => grains,
            "get_TimerRegistry" => timers,
            "get_ServiceProvider" => services,
            _ => null,
        });
        services = Proxy.Of<IServiceProvider>((_, arguments) =>
            (Type)arguments[0]! == typeof(IGrainRuntime) ? runtime
            : (Type)arguments[0]! == typeof(ITimerRegistry) ? timers : null);
        return Proxy.Of<IGrainContext>((method, _) => method.Name switch
        {
            "get_GrainId" => GrainId.Create("run", "run1"),
            "get_ActivationServices" => services,
            _ => null,
        });
    }

    private IGrainFactory Grains()
    {
        var cluster = Proxy.Of<ICluster>((method, arguments) =>
        {
            switch (method.Name)
            {
                case nameof(ICluster.Runs): return Task.FromResult(runs.ToArray());
                case nameof(ICluster.Describe): return Task.FromResult(View());
                case nameof(ICluster.RunDeleted):
                    cleared.Add($"{arguments[0]}");
                    return Task.CompletedTask;
                default: return Task.CompletedTask;
            }
        });
        var store = Proxy.Of<IModelStore>((_, arguments) =>
        {
            catalogue.AddRange((CheckpointEntry[])arguments[2]!);
            return Task.FromResult(new RemovalAnswer(IsDone: true, 7));
        });
        var other = Proxy.Of<ITrainingRun>((_, _) => NotThere());
        return Proxy.Of<IGrainFactory>((method, _) => method.ReturnType == typeof(ICluster) ? cluster
            : method.ReturnType == typeof(IModelStore) ? store : other);
    }

    private static ClusterView View() => new()
    {
        Silos =
        [
            new SiloDescription
            {
                Name = "a".Silo(),
                Incarnation = "1",
                StripeHost = "127.0.0.1",
                StripePort = 0,
                HttpAddress = "127.0.0.1:0",
                DataFolderId = "disk",
                FreeDiskBytes = 0,
                Workers = [],
                MachineCores = 1,
                MachineName = "m",
            },
        ],
    };

    private async Task<RunDescription?> NotThere()
    {
        if (answersOfOthers is { } answer)
            await answer.Task;
        return null;
    }
}

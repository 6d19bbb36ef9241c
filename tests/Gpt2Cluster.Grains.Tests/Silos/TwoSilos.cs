using System.Threading.Channels;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Runs;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Grains.Tests.Runs;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;
using Orleans.TestingHost;
using ReportsOfRuns = System.Collections.Concurrent.ConcurrentDictionary<
    string, System.Threading.Channels.Channel<Gpt2Cluster.Core.Runs.CoordinatorInput>>;

namespace Gpt2Cluster.Grains.Tests.Silos;

/// <summary>
/// Two silos of Orleans in this process, each with a data folder of its own and the product's grains and services.
/// Records are in memory, and nothing computes. Workers are not offered to runs: the tests are their coordinator.
/// </summary>
public sealed class TwoSilos : IAsyncLifetime
{
    private static readonly TimeSpan ReportBound = TimeSpan.FromSeconds(30);

    private readonly Dictionary<string, TestSilo> silos = [];
    private readonly ReportsOfRuns reports = new(StringComparer.Ordinal);
    private readonly PeriodicTimer introduction = new(TimeSpan.FromSeconds(1));
    private readonly InProcessTestCluster cluster;
    private Task introducing = Task.CompletedTask;

    public TwoSilos()
    {
        var events = new MemoryEventStore();
        var builder = new InProcessTestClusterBuilder(2);
        builder.ConfigureSilo((options, orleans) =>
        {
            var silo = new TestSilo(options.SiloName, events);
            lock (silos)
                silos.Add(options.SiloName, silo);
            orleans.AddMemoryGrainStorage("runs");
            orleans.Services.Configure<ExceptionSerializationOptions>(TravellingExceptions.Configure);
            orleans.AddIncomingGrainCallFilter(Listen);
            silo.AddTo(orleans.Services);
        });
        cluster = builder.Build();
    }

    /// <summary>The silo that most of a test happens on.</summary>
    public TestSilo A { get; private set; } = null!;

    /// <summary>The other one.</summary>
    public TestSilo B { get; private set; } = null!;

    /// <summary>The grains, as a client has them.</summary>
    public IGrainFactory Grains => cluster.Client;

    public async ValueTask InitializeAsync()
    {
        // As a silo does: other tests block threads, and messages must find one.
        ThreadPool.SetMinThreads(32, 32);
        await cluster.DeployAsync();
        (A, B) = (silos[cluster.Silos[0].Name], silos[cluster.Silos[1].Name]);
        await Introduce();
        introducing = IntroduceAgain();
    }

    public async ValueTask DisposeAsync()
    {
        introduction.Dispose();
        await introducing;
        await cluster.DisposeAsync();
        foreach (var silo in silos.Values)
            silo.Dispose();
    }

    /// <summary>The next report that a worker makes to a run, which has no coordinator but the test.</summary>
    public async Task<CoordinatorInput> NextReport(RunName run)
    {
        using var deadline = new CancellationTokenSource(ReportBound);
        return await ReportsOf(run).Reader.ReadAsync(deadline.Token);
    }

    /// <summary>Whether no report of a run waits to be heard.</summary>
    public bool IsSilent(RunName run) => !ReportsOf(run).Reader.TryPeek(out _);

    /// <summary>Ends a grain's activation, as Orleans may at any time; the next call begins another one.</summary>
    public Task Deactivate(IAddressable grain) => cluster.DeactivateAsync(grain);

    /// <summary>Ends when a grain that ends its own activation has done so.</summary>
    public Task Deactivation(IAddressable grain) => cluster.WaitForDeactivationAsync(grain);

    /// <summary>Asks until the answer is the last one; each call of the silo waits some seconds by itself.</summary>
    public static async Task<T> Ask<T>(Func<Task<T>> ask, Func<T, bool> isDone)
    {
        const int MostCalls = 30;
        for (var call = 1; ; call++)
        {
            var answer = await ask();
            if (isDone(answer))
                return answer;
            Assert.True(call < MostCalls, $"After {call} calls the answer is still {answer}.");
        }
    }

    private async Task Introduce()
    {
        foreach (var handle in cluster.Silos)
            await Grains.Cluster().Register(silos[handle.Name].Describe(handle.SiloAddress));
    }

    /// <summary>The cluster's list drops silos that say nothing for some seconds.</summary>
    private async Task IntroduceAgain()
    {
        while (await introduction.WaitForNextTickAsync())
        {
            try
            {
                await Introduce();
            }
            catch (TimeoutException)
            {
                // The machine is busy; it is said again.
            }
        }
    }

    private Channel<CoordinatorInput> ReportsOf(RunName run) =>
        reports.GetOrAdd(run.ToString(), _ => Channel.CreateUnbounded<CoordinatorInput>());

    private async Task Listen(IIncomingGrainCallContext call)
    {
        if (call.InterfaceMethod.Name == nameof(ITrainingRun.Report))
        {
            var reports = ReportsOf(call.TargetId.Key.ToString()!.Run());
            reports.Writer.TryWrite((CoordinatorInput)call.Request.GetArgument(0)!);
        }

        await call.Invoke();
    }
}

/// <summary>The classes of these tests share the silos, one after the other.</summary>
[CollectionDefinition(Name)]
public sealed class TwoSilosCollection : ICollectionFixture<TwoSilos>
{
    public const string Name = "two silos";
}

using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Faults.Commands;
using Gpt2Cluster.Faults.Faults;
using Gpt2Cluster.Faults.Processes;

namespace Gpt2Cluster.Faults.Tests;

/// <summary>
/// The undisturbed run and the clusters, shared by all tests; at the end the last bits are compared too.
/// </summary>
public class SharedStages : IDisposable
{
    /// <summary>The tests that share them.</summary>
    public const string Collection = "fault matrix";

    private const int Steps = 300;
    private const int StepsFromNow = 2;

    private readonly Stages stages;

    /// <summary>Everything is trained.</summary>
    public SharedStages()
        : this("all")
    {
    }

    /// <summary>Runs that train what <c>--train</c> names.</summary>
    protected SharedStages(string train) => stages = new Stages(Steps, _ => { }, train);

    /// <inheritdoc/>
    public void Dispose()
    {
        GC.SuppressFinalize(this);
        try
        {
            stages.Finish();
        }
        finally
        {
            stages.Dispose();
        }
    }

    /// <summary>
    /// Lets a fault happen. It throws if a state hash differs from the undisturbed run's, a committed step is lost or
    /// told twice, or the run hangs; nothing depends on how long something takes.
    /// </summary>
    internal void Strike(StoreKind store, string name, FaultPoint point, ITestOutputHelper output)
    {
        var fault = FaultKinds.All.Single(kind => kind.Name == name);
        var cell = new Cell(store, fault.Ground, fault, point, StepsFromNow);
        Assert.SkipUnless(cell.ReasonAgainst is null, cell.ReasonAgainst ?? "");
        output.WriteLine(Outcome.Head);
        output.WriteLine(stages.Strike(cell, waitsForHash: true).Row);
    }
}

/// <summary>The same with adapters on a frozen base that new silos have to be brought.</summary>
public sealed class SharedAdapterStages() : SharedStages("lora:4");

/// <summary>Names the tests that share the clusters with adapters.</summary>
[CollectionDefinition(AdapterTests.Collection)]
public sealed class SharedAdapterStagesCollection : ICollectionFixture<SharedAdapterStages>;

/// <summary>Names the tests that share the clusters.</summary>
[CollectionDefinition(SharedStages.Collection)]
public sealed class SharedStagesCollection : ICollectionFixture<SharedStages>;

using System.Reflection;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Contracts.Runs;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Simulator.Clock;

namespace Gpt2Cluster.Simulator.Silos;

/// <summary>
/// The calls that one process makes: to grains of its own silo and of others, over the network. A call whose silo was
/// declared dead fails, one without an answer fails when its bound is over.
/// </summary>
internal sealed class GrainCalls : IGrainFactory
{
    private readonly SimulatedCluster cluster;
    private readonly string node;
    private readonly Life? life;
    private readonly Func<IReadOnlyList<Silo>> view;
    private readonly Dictionary<(Type Type, string Key), object> proxies = [];
    private readonly List<PendingCall> pending = [];

    /// <summary>The calls of a process.</summary>
    /// <param name="cluster">Where they go.</param>
    /// <param name="node">Its name in the network.</param>
    /// <param name="life">The process; null for people.</param>
    /// <param name="view">The silos that live, as far as it knows.</param>
    public GrainCalls(SimulatedCluster cluster, string node, Life? life, Func<IReadOnlyList<Silo>> view)
    {
        this.cluster = cluster;
        this.node = node;
        this.life = life;
        this.view = view;
    }

    /// <inheritdoc/>
    public TGrainInterface GetGrain<TGrainInterface>(string primaryKey, string? grainClassNamePrefix = null)
        where TGrainInterface : IGrainWithStringKey
    {
        var id = (typeof(TGrainInterface), primaryKey);
        if (!proxies.TryGetValue(id, out var proxy))
            proxies.Add(id, proxy = MakeProxy(typeof(TGrainInterface), primaryKey));
        return (TGrainInterface)proxy;
    }

    /// <summary>Calls to processes that are declared dead have failed.</summary>
    public void FailCallsTo(Life dead)
    {
        foreach (var call in pending.Where(call => call.Callee == dead).ToList())
            call.Fail(new SiloUnavailableException($"{dead.Name} was declared dead"));
        pending.RemoveAll(call => call.IsOver);
    }

    private object MakeProxy(Type type, string key)
    {
        var id = GrainId.Create(type.Name, key);
        Func<MethodInfo, object?[], Task> call = (method, arguments) => Call(id, type, method, arguments);
        return type switch
        {
            _ when type == typeof(ICluster) => GrainProxy.Of<ICluster>(call),
            _ when type == typeof(ITrainingRun) => GrainProxy.Of<ITrainingRun>(call),
            _ when type == typeof(Contracts.Workers.IWorker) => GrainProxy.Of<Contracts.Workers.IWorker>(call),
            _ when type == typeof(Contracts.Workers.IReducer) => GrainProxy.Of<Contracts.Workers.IReducer>(call),
            _ => GrainProxy.Of<Contracts.Models.IModelStore>(call),
        };
    }

    private Task Call(GrainId id, Type type, MethodInfo method, object?[] arguments)
    {
        var shape = CallShape.Of(method);
        foreach (var order in arguments.OfType<RunCommand>())
            cluster.Watch.Ordered(WorkerId.Parse(id.Key.ToString()!), order);
        var call = shape.Begin();
        pending.RemoveAll(old => old.IsOver);
        pending.Add(call);
        Send(id, type, method, arguments, shape, call, attempt: 0);
        if (shape.IsOneWay)
        {
            call.End(Task.CompletedTask);
            return call.Answer;
        }

        cluster.Timeline.After(shape.Bound, life, () =>
        {
            if (!call.IsOver)
                call.Fail(new TimeoutException($"{shape.Name} of {id}"));
        });
        return call.Answer;
    }

    private void Send(
        GrainId id, Type type, MethodInfo method, object?[] arguments, CallShape shape, PendingCall call, int attempt)
    {
        if (PlaceOf(id, type) is not { } target || attempt > 2)
        {
            cluster.Timeline.After(TimeSpan.FromMilliseconds(1), life, () =>
                call.Fail(new SiloUnavailableException($"there is no silo for {id}")));
            return;
        }

        call.Callee = target.Life;
        if (!IsRoutine(shape))
            cluster.Trace.Say($"{life?.Name ?? node} calls {shape.Name} of {id.Key} at {target.Life.Name}");
        cluster.Network.Send(node, target.Name, target.Life, Arrive, mayRepeat: IsRepeatable(type));

        void Arrive() => target.ActivationOf(id, type).Call(
            method, arguments, shape.IsInterleaving || target.IsReentrant(type), Answer, SendBack);

        void Answer(Task outcome) =>
            cluster.Network.Send(target.Name, node, life, () => call.End(outcome), mayRepeat: false);

        void SendBack() => Send(id, type, method, arguments, shape, call, attempt + 1);
    }

    private Silo? PlaceOf(GrainId id, Type type)
    {
        if (type == typeof(ICluster) || type == typeof(ITrainingRun))
            return cluster.Directory.PlaceOf(id, view());
        var name = GrainKeys.SiloOf(id.Key.ToString()!).ToString();
        Silo? newest = null;
        foreach (var silo in view())
        {
            if (silo.Name == name && silo.Incarnation > (newest?.Incarnation ?? 0))
                newest = silo;
        }

        return newest;
    }

    private static bool IsRoutine(CallShape shape) => shape.Name is nameof(ICluster.Register)
        or nameof(ICluster.Describe) or nameof(ICluster.RunChanged);

    // What the coordinator hears and what it orders may come twice; people's wishes do not.
    private static bool IsRepeatable(Type type) => type != typeof(ICluster);

    TGrainInterface IGrainFactory.GetGrain<TGrainInterface>(Guid primaryKey, string? grainClassNamePrefix) =>
        throw new NotSupportedException();

    TGrainInterface IGrainFactory.GetGrain<TGrainInterface>(long primaryKey, string? grainClassNamePrefix) =>
        throw new NotSupportedException();

    TGrainInterface IGrainFactory.GetGrain<TGrainInterface>(
        Guid primaryKey, string keyExtension, string? grainClassNamePrefix) => throw new NotSupportedException();

    TGrainInterface IGrainFactory.GetGrain<TGrainInterface>(
        long primaryKey, string keyExtension, string? grainClassNamePrefix) => throw new NotSupportedException();

    TGrainObserverInterface IGrainFactory.CreateObjectReference<TGrainObserverInterface>(IGrainObserver obj) =>
        throw new NotSupportedException();

    void IGrainFactory.DeleteObjectReference<TGrainObserverInterface>(IGrainObserver obj) =>
        throw new NotSupportedException();

    IGrain IGrainFactory.GetGrain(Type grainInterfaceType, Guid grainPrimaryKey) => throw new NotSupportedException();

    IGrain IGrainFactory.GetGrain(Type grainInterfaceType, long grainPrimaryKey) => throw new NotSupportedException();

    IGrain IGrainFactory.GetGrain(Type grainInterfaceType, string grainPrimaryKey) => throw new NotSupportedException();

    IGrain IGrainFactory.GetGrain(Type grainInterfaceType, Guid grainPrimaryKey, string keyExtension) =>
        throw new NotSupportedException();

    IGrain IGrainFactory.GetGrain(Type grainInterfaceType, long grainPrimaryKey, string keyExtension) =>
        throw new NotSupportedException();

    TGrainInterface IGrainFactory.GetGrain<TGrainInterface>(GrainId grainId) => throw new NotSupportedException();

    IAddressable IGrainFactory.GetGrain(GrainId grainId) => throw new NotSupportedException();

    IAddressable IGrainFactory.GetGrain(GrainId grainId, GrainInterfaceType interfaceType) =>
        throw new NotSupportedException();

    IAddressable IGrainFactory.GetGrain(Type interfaceType, IdSpan grainKey) => throw new NotSupportedException();

    IAddressable IGrainFactory.GetGrain(Type interfaceType, IdSpan grainKey, string grainClassNamePrefix) =>
        throw new NotSupportedException();
}

using Gpt2Cluster.Simulator.Clock;
using Orleans.Core;
using Orleans.Timers;

namespace Gpt2Cluster.Simulator.Silos;

/// <summary>What a silo's grains ask of Orleans: timers, other grains, their own end.</summary>
internal sealed class SiloRuntime(Silo silo, Timeline timeline) : IGrainRuntime, ITimerRegistry, IServiceProvider
{
    /// <inheritdoc/>
    public string SiloIdentity => silo.Life.Name;

    /// <inheritdoc/>
    public SiloAddress SiloAddress => silo.Address;

    /// <inheritdoc/>
    public IGrainFactory GrainFactory => silo.Grains;

    /// <inheritdoc/>
    public ITimerRegistry TimerRegistry => this;

    /// <inheritdoc/>
    public IServiceProvider ServiceProvider => this;

    /// <inheritdoc/>
    public TimeProvider TimeProvider => silo.Time;

    /// <inheritdoc/>
    public object? GetService(Type serviceType) =>
        serviceType == typeof(IGrainRuntime) || serviceType == typeof(ITimerRegistry) ? this : null;

    /// <inheritdoc/>
    public void DeactivateOnIdle(IGrainContext grainContext) => ((Activation)grainContext).EndWhenIdle();

    /// <inheritdoc/>
    public void DelayDeactivation(IGrainContext grainContext, TimeSpan timeSpan) => throw new NotSupportedException();

    /// <inheritdoc/>
    public IStorage<TGrainState> GetStorage<TGrainState>(IGrainContext grainContext) =>
        throw new NotSupportedException();

    /// <inheritdoc/>
    public IDisposable RegisterTimer(
        IGrainContext grainContext, Func<object?, Task> callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        throw new NotSupportedException();

    /// <inheritdoc/>
    public IGrainTimer RegisterGrainTimer<TState>(
        IGrainContext grainContext,
        Func<TState, CancellationToken, Task> callback,
        TState state,
        GrainTimerCreationOptions options)
    {
        var timer = new GrainTimer(
            timeline, silo.Life, (Activation)grainContext, () => callback(state, CancellationToken.None), options);
        timer.Change(options.DueTime, options.Period);
        return timer;
    }
}

/// <summary>A grain's timer: its period begins anew when the callback has ended.</summary>
internal sealed class GrainTimer(
    Timeline timeline, Life life, Activation activation, Func<Task> callback, GrainTimerCreationOptions options)
    : IGrainTimer
{
    private TimeSpan period;
    private bool isOver;

    /// <inheritdoc/>
    public void Change(TimeSpan dueTime, TimeSpan period)
    {
        this.period = period;
        timeline.After(dueTime, life, Fire);
    }

    /// <inheritdoc/>
    public void Dispose() => isOver = true;

    private void Fire()
    {
        if (isOver || activation.IsOver)
            return;
        if (options.Interleave)
            activation.Fork(Run);
        else
            activation.Enqueue(Run);
    }

    private async Task Run()
    {
        try
        {
            await callback();
        }
        catch (Exception)
        {
            // Orleans logs it; the next tick comes.
        }

        timeline.After(period, life, Fire);
    }
}

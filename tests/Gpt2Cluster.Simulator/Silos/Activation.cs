using System.Reflection;
using Gpt2Cluster.Simulator.Clock;
using Orleans.Storage;

namespace Gpt2Cluster.Simulator.Silos;

/// <summary>
/// One grain in a silo's memory and its mailbox: one call after the other, but for those that may interleave.
/// </summary>
internal sealed class Activation : IGrainContext
{
    private readonly Silo silo;
    private readonly Timeline timeline;
    private readonly Queue<Func<Task>> mailbox = new();
    private readonly List<Action> returned = [];
    private object? grain;
    private bool isReady;
    private bool isBusy;

    /// <summary>Begins an activation; calls wait until the grain is ready.</summary>
    public Activation(Silo silo, Timeline timeline, GrainId id)
    {
        this.silo = silo;
        this.timeline = timeline;
        GrainId = id;
    }

    /// <inheritdoc/>
    public GrainId GrainId { get; }

    /// <summary>Whether it takes no calls any more.</summary>
    public bool IsOver { get; private set; }

    /// <inheritdoc/>
    public object? GrainInstance => grain;

    /// <inheritdoc/>
    public IServiceProvider ActivationServices => silo.Runtime;

    /// <inheritdoc/>
    public GrainReference GrainReference => throw new NotSupportedException();

    /// <inheritdoc/>
    public ActivationId ActivationId => throw new NotSupportedException();

    /// <inheritdoc/>
    public GrainAddress Address => throw new NotSupportedException();

    /// <inheritdoc/>
    public IGrainLifecycle ObservableLifecycle => throw new NotSupportedException();

    /// <inheritdoc/>
    public IWorkItemScheduler Scheduler => throw new NotSupportedException();

    /// <inheritdoc/>
    public Task Deactivated => Task.CompletedTask;

    /// <summary>Makes the grain and activates it, after its record is read.</summary>
    /// <param name="make">Makes the grain; its record comes with it.</param>
    public async Task Begin(Func<Activation, (object Grain, Func<Task> ReadRecord)> make)
    {
        try
        {
            Func<Task> read = null!;
            grain = GrainBirth.Make(this, () =>
            {
                var made = make(this);
                read = made.ReadRecord;
                return made.Grain;
            });
            await read();
            if (grain is Grain real)
                await real.OnActivateAsync(CancellationToken.None);
            isReady = true;
            Work();
        }
        catch (Exception problem)
        {
            silo.Trace.Say($"{silo.Life.Name}: {GrainId} cannot be activated: {problem.Message}");
            Over();
        }
    }

    /// <summary>Takes a call.</summary>
    /// <param name="method">The method.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="interleaves">Whether it may run beside another.</param>
    /// <param name="done">Takes the method's task once it has ended.</param>
    /// <param name="sentBack">The activation ended before the call began.</param>
    public void Call(
        MethodInfo method, object?[] arguments, bool interleaves, Action<Task> done, Action sentBack)
    {
        if (IsOver)
        {
            sentBack();
            return;
        }

        if (interleaves && isReady)
        {
            silo.Fork(Run);
            return;
        }

        returned.Add(sentBack);
        mailbox.Enqueue(() =>
        {
            returned.Remove(sentBack);
            return Run();
        });
        Work();

        async Task Run()
        {
            var outcome = Invoke(method, arguments);
            try
            {
                await outcome;
            }
            catch (Exception problem)
            {
                // The caller gets it with the task. Orleans ends an activation whose record is not the stored one.
                if (problem is InconsistentStateException)
                    EndWhenIdle();
            }

            done(outcome);
        }
    }

    /// <summary>A turn that runs beside others.</summary>
    public void Fork(Func<Task> turn) => silo.Fork(turn);

    /// <summary>A turn that waits for the calls before it, as a timer that does not interleave.</summary>
    public void Enqueue(Func<Task> turn)
    {
        mailbox.Enqueue(turn);
        Work();
    }

    /// <summary>Ends once the present turn is over; what waits is sent elsewhere.</summary>
    public void EndWhenIdle() => timeline.After(TimeSpan.Zero, silo.Life, () =>
    {
        if (IsOver)
            return;
        Over();
        if (grain is Grain real)
            real.OnDeactivateAsync(new DeactivationReason(), CancellationToken.None).Ignore();
    });

    /// <inheritdoc/>
    public object? GetComponent(Type componentType) => null;

    /// <inheritdoc/>
    public object? GetTarget() => grain;

    /// <inheritdoc/>
    public void SetComponent<TComponent>(TComponent? value)
        where TComponent : class => throw new NotSupportedException();

    /// <inheritdoc/>
    public void ReceiveMessage(object message) => throw new NotSupportedException();

    /// <inheritdoc/>
    public void Activate(Dictionary<string, object>? requestContext, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    /// <inheritdoc/>
    public void Deactivate(DeactivationReason deactivationReason, CancellationToken cancellationToken) =>
        EndWhenIdle();

    /// <inheritdoc/>
    public void Rehydrate(IRehydrationContext context) => throw new NotSupportedException();

    /// <inheritdoc/>
    public void Migrate(Dictionary<string, object>? requestContext, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    /// <inheritdoc/>
    public bool Equals(IGrainContext? other) => ReferenceEquals(this, other);

    private Task Invoke(MethodInfo method, object?[] arguments)
    {
        try
        {
            return (Task)method.Invoke(grain, BindingFlags.DoNotWrapExceptions, null, arguments, null)!;
        }
        catch (Exception problem)
        {
            return Task.FromException(problem);
        }
    }

    private void Over()
    {
        IsOver = true;
        silo.Forget(this);
        mailbox.Clear();
        foreach (var sendBack in returned.ToList())
            sendBack();
        returned.Clear();
    }

    private void Work() => silo.Fork(DoWhatWaits);

    private async Task DoWhatWaits()
    {
        if (isBusy || !isReady)
            return;
        isBusy = true;
        while (!IsOver && mailbox.TryDequeue(out var turn))
            await turn();
        isBusy = false;
    }
}

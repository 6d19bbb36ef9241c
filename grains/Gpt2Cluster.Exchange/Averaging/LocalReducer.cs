namespace Gpt2Cluster.Exchange.Averaging;

/// <summary>
/// The thread that adds the local workers' sums, so that contributing costs the compute thread nothing. A worker that
/// waits for averages has nothing else to do and adds too; what comes from other silos is added by the thread that
/// received it.
/// </summary>
internal sealed class LocalReducer : IDisposable
{
    private readonly object gate = new();
    private readonly Queue<LocalOffer> offers = new();
    private readonly Action<LocalOffer> reduce;
    private readonly Thread thread;
    private bool disposed;

    /// <summary>Starts the thread.</summary>
    public LocalReducer(StripeChannel channel, string run, Action<LocalOffer> reduce)
    {
        this.reduce = reduce;
        thread = channel.NewThread(Run, $"reducer of {run}");
        thread.Start();
    }

    /// <summary>Adds work; returns at once. Bounded by the stripes and subtrees of a step.</summary>
    public void Add(in LocalOffer offer)
    {
        lock (gate)
        {
            offers.Enqueue(offer);
            if (offers.Count == 1)
                Monitor.PulseAll(gate);
        }
    }

    /// <summary>Lets those that wait look again whether their step is complete.</summary>
    public void Wake()
    {
        lock (gate)
        {
            Monitor.PulseAll(gate);
        }
    }

    /// <summary>Works until the step's averages are complete, and tells of each that lands meanwhile.</summary>
    /// <exception cref="OperationCanceledException">The wait was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The run was closed.</exception>
    public void WorkUntil(StepExchange step, AverageLandings? landings, CancellationToken cancellation)
    {
        using var registration = cancellation.Register(Wake);
        while (true)
        {
            // Counted before they are told of: one that lands in between ends the next wait at once.
            var missing = step.MissingCount;
            landings?.Tell();
            if (missing == 0)
                return;
            cancellation.ThrowIfCancellationRequested();
            if (Take(() => HasCome(step, landings, missing) || cancellation.IsCancellationRequested, out var offer))
                reduce(offer);
            ObjectDisposedException.ThrowIf(Volatile.Read(ref disposed), this);
        }
    }

    private static bool HasCome(StepExchange step, AverageLandings? landings, int missing) =>
        landings is null ? step.IsComplete : step.MissingCount != missing;

    /// <summary>Ends the thread; waiting workers get an exception.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            disposed = true;
            offers.Clear();
            Monitor.PulseAll(gate);
        }

        if (Thread.CurrentThread != thread)
            thread.Join();
    }

    private void Run()
    {
        while (!Volatile.Read(ref disposed))
        {
            if (Take(() => false, out var offer))
                reduce(offer);
        }
    }

    private bool Take(Func<bool> isEnough, out LocalOffer offer)
    {
        lock (gate)
        {
            while (offers.Count == 0 && !disposed && !isEnough())
                Monitor.Wait(gate);
            return offers.TryDequeue(out offer);
        }
    }
}

using Gpt2Cluster.Core.Averaging;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Exchange.Links;

namespace Gpt2Cluster.Exchange.Averaging;

/// <summary>
/// All memory of a run: that of its plans and steps, and the buffers as long as the gradient for averages and for sums
/// of several workers, which are kept from step to step. The lock of the run guards what has no other word.
/// </summary>
/// <param name="gate">The lock of the run.</param>
/// <param name="layout">How the gradient is cut.</param>
internal sealed class RunMemory(object gate, StripeLayout layout) : IDisposable
{
    private static readonly TimeSpan ShortestWait = TimeSpan.FromMilliseconds(10);

    private readonly Dictionary<Position, PlanMemory> plans = [];
    private readonly Dictionary<long, StepMemory> steps = [];
    private readonly List<Lease> retired = [];
    private readonly Lock allocating = new();

    // Grown under allocating, read under the run's lock: whoever reads has a list that does not change.
    private volatile FlatBuffer[] averages = [];
    private volatile FlatBuffer[] sums = [];

    /// <summary>
    /// Allocates what will be needed, before anything is given up for it and without the run's lock: gigabytes take
    /// their time, and may not be there.
    /// </summary>
    /// <param name="averagesCount">Steps whose averages are held at once.</param>
    /// <param name="sumCount">Sums of several workers under one plan.</param>
    public void Reserve(int averagesCount, int sumCount)
    {
        lock (allocating)
        {
            while (averages.Length < averagesCount)
                averages = [.. averages, LargeMemory.Allocate(layout.ElementCount)];
            while (sums.Length < sumCount)
                sums = [.. sums, LargeMemory.Allocate(layout.ElementCount)];
        }
    }

    /// <summary>The memory of a plan; null if it is retired.</summary>
    public PlanMemory? Of(Position plan) => plans.GetValueOrDefault(plan);

    /// <summary>The memory of a step; null if it is retired.</summary>
    public StepMemory? Of(long step) => steps.GetValueOrDefault(step);

    /// <summary>Begins a plan, and its step if it is a new one.</summary>
    public void Open(Position plan, ReductionTree tree, IReadOnlyList<Subtree> siloSums)
    {
        Reserve(0, siloSums.Count);
        steps.TryAdd(plan.Step, new StepMemory(new Lease(gate)));
        var opened = new PlanMemory(tree, layout, new Lease(gate));
        foreach (var (sum, buffer) in siloSums.Zip(sums))
            opened.TryAdd(sum, buffer);
        plans.Add(plan, opened);
    }

    /// <summary>Gives memory to steps that have none for their averages; nothing retired may be in use.</summary>
    public void ProvideAverages()
    {
        foreach (var step in steps.Values.Where(step => step.Averages is null))
        {
            Reserve(steps.Count, 0);
            step.Averages = averages.First(buffer => steps.Values.All(other => other.Averages != buffer));
        }
    }

    /// <summary>Nobody begins to read a plan's sums any more; pooled memory is given back.</summary>
    public void Retire(Position plan)
    {
        if (!plans.Remove(plan, out var memory))
            return;
        memory.Clear();
        Retire(memory.Use);
    }

    /// <summary>Nobody begins to read or write a step's averages any more.</summary>
    public void Retire(long step)
    {
        if (steps.Remove(step, out var memory))
            Retire(memory.Use);
    }

    /// <summary>Retires everything.</summary>
    public void RetireAll()
    {
        foreach (var plan in plans.Keys.ToList())
            Retire(plan);
        foreach (var step in steps.Keys.ToList())
            Retire(step);
    }

    /// <summary>Waits until nobody reads or writes what is retired; the lock is given up meanwhile.</summary>
    /// <param name="patience">Connections that take longer are broken.</param>
    /// <param name="time">The time.</param>
    public void AwaitRetired(TimeSpan patience, TimeProvider time)
    {
        var began = time.GetTimestamp();
        while (retired.RemoveAll(lease => !lease.IsInUse) >= 0 && retired.Count > 0)
        {
            var left = patience - time.GetElapsedTime(began);
            if (left > TimeSpan.Zero)
            {
                Monitor.Wait(gate, left);
                continue;
            }

            retired.ForEach(lease => lease.BreakUsers());
            began = time.GetTimestamp();
            Monitor.Wait(gate, patience > ShortestWait ? patience : ShortestWait);
        }
    }

    /// <summary>Breaks the connections from a silo over which an average is half way here.</summary>
    public void Interrupt(SiloName peer)
    {
        foreach (var step in steps.Values)
            step.Use.BreakUsers(peer);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var buffer in averages.Concat(sums))
            buffer.Dispose();
    }

    private void Retire(Lease lease)
    {
        lease.Close();
        retired.Add(lease);
    }
}

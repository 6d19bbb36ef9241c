using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Threads;

namespace Gpt2Cluster.Grains.Workers.Windows;

/// <summary>
/// Keeps the micro-batches of the planned step and of the one after it on their way, so that the compute thread finds
/// its windows there.
/// </summary>
/// <param name="read">Reads micro-batch (step, index).</param>
internal sealed class DataLoader(Func<long, int, Task<MicroBatch>> read)
{
    private readonly Dictionary<(long Step, int Index), Task<MicroBatch>> underWay = [];
    private readonly HashSet<(long Step, int Index)> taken = [];
    private readonly Lock gate = new();
    private (int Generation, long Step) begun;

    /// <summary>
    /// Begins to read what the plan needs, and the same of the step after it; forgets older steps. What was taken is
    /// not read again, by a plan that is repeated or goes on with the step; one that begins anew reads it when it takes
    /// it.
    /// </summary>
    public void Begin(PlanStep plan)
    {
        lock (gate)
        {
            if ((plan.Generation, plan.Step) == begun)
                return;
            begun = (plan.Generation, plan.Step);
            foreach (var old in underWay.Keys.Where(key => key.Step < plan.Step).ToList())
                underWay.Remove(old);
            taken.RemoveWhere(key => key.Step != plan.Step);
            foreach (var index in plan.Ranges.Leaves())
            {
                if (!taken.Contains((plan.Step, index)))
                    Request(plan.Step, index);
                Request(plan.Step + 1, index);
            }
        }
    }

    /// <summary>
    /// The windows of a micro-batch; waits for them if they are still on their way. Called on the compute thread.
    /// </summary>
    /// <exception cref="OperationCanceledException">The wait was cancelled.</exception>
    public MicroBatch Take(long step, int index, CancellationToken cancellation)
    {
        Task<MicroBatch> task;
        lock (gate)
        {
            task = Request(step, index);
            underWay.Remove((step, index));
            taken.Add((step, index));
        }

        return task.WaitHere(cancellation);
    }

    private Task<MicroBatch> Request(long step, int index)
    {
        if (!underWay.TryGetValue((step, index), out var task) || task.IsFaulted)
            underWay[(step, index)] = task = Begin(step, index);
        return task;
    }

    /// <summary>
    /// A read that fails before it is under way fails like any other, for the compute thread, which reports it: thrown
    /// at whoever brings the plan, it would look like a worker that cannot be reached, for ever.
    /// </summary>
    private Task<MicroBatch> Begin(long step, int index)
    {
        try
        {
            return read(step, index);
        }
        catch (Exception problem)
        {
            return Task.FromException<MicroBatch>(problem);
        }
    }
}

using Gpt2Cluster.Simulator.Clock;
using Gpt2Cluster.Simulator.Silos;

namespace Gpt2Cluster.Simulator.Workers;

/// <summary>A worker's compute thread: one piece of work after the other, in the order they came.</summary>
internal sealed class ComputeQueue(SimulatedCluster cluster, Life life)
{
    private readonly Queue<Func<Task>> work = new();
    private bool isBusy;

    /// <summary>Puts work behind the other.</summary>
    public void Enqueue(Func<Task> item)
    {
        work.Enqueue(item);
        if (isBusy)
            return;
        isBusy = true;
        cluster.Timeline.After(TimeSpan.Zero, life, () => cluster.Fork(Run));
    }

    /// <summary>Asks something of the thread.</summary>
    public Task<T> Ask<T>(Func<T> question)
    {
        var answer = new TaskCompletionSource<T>();
        Enqueue(() =>
        {
            var result = question();
            cluster.Timeline.After(TimeSpan.Zero, life, () => answer.TrySetResult(result));
            return Task.CompletedTask;
        });
        return answer.Task;
    }

    private async Task Run()
    {
        while (work.TryDequeue(out var item))
            await item();
        isBusy = false;
    }
}

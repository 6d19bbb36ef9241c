using Gpt2Cluster.Core.Threads;

namespace Gpt2Cluster.Compute.Devices;

/// <summary>
/// A fixed number of threads that run one loop at a time: the caller and <c>threads - 1</c> of the team's own. Part
/// <c>i</c> of a <see cref="For"/> always goes to thread <c>i</c>, so the same memory stays in the same core's caches;
/// tasks of a <see cref="ForEach"/> go to whoever is free.
/// </summary>
internal sealed class ThreadTeam : IDisposable
{
    // About 20 microseconds: shorter than waking a sleeping thread takes, and long enough for the next of many small
    // loops.
    private const int SpinRounds = 100;
    private const int SpinsPerRound = 20;

    private readonly Thread[] members;
    private readonly SemaphoreSlim[] start;
    private readonly CountdownEvent finished;
    private Action<int> part = _ => { };
    private Exception? failure;
    private volatile bool ending;

    /// <summary>Starts a team of that many threads, the caller counted, 1 or more.</summary>
    public ThreadTeam(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        Threads = threads;
        start = [.. Enumerable.Range(1, threads - 1).Select(_ => new SemaphoreSlim(0))];
        finished = new CountdownEvent(Math.Max(1, threads - 1));
        members = [.. Enumerable.Range(1, threads - 1).Select(NewMember)];
    }

    /// <summary>Threads of the team, the caller counted.</summary>
    public int Threads { get; }

    /// <summary>
    /// Runs <paramref name="body"/> over contiguous parts of [0, count) and returns when all are done. Loops shorter
    /// than <paramref name="least"/> per thread run on the caller alone: waking a thread costs more than they do.
    /// </summary>
    public void For(int count, int least, Action<int, int> body)
    {
        var parts = Math.Clamp(count / Math.Max(1, least), 1, Threads);
        if (parts == 1)
        {
            if (count > 0)
                body(0, count);
            return;
        }

        Run(parts, index => body((int)((long)count * index / parts), (int)((long)count * (index + 1) / parts)));
    }

    /// <summary>
    /// Runs <paramref name="body"/> for every task of [0, count), each on whichever thread is free, and returns when
    /// all are done.
    /// </summary>
    /// <param name="count">Tasks.</param>
    /// <param name="body">Takes the thread's number, from 0 on, and the task's.</param>
    /// <param name="ended">Called once on every thread that took part, behind its last task.</param>
    public void ForEach(int count, Action<int, int> body, Action? ended = null)
    {
        var next = -1;
        Run(Math.Clamp(count, 1, Threads), thread =>
        {
            try
            {
                for (var task = Interlocked.Increment(ref next); task < count; task = Interlocked.Increment(ref next))
                    body(thread, task);
            }
            catch
            {
                Interlocked.Exchange(ref next, count); // Nobody starts another.
                throw;
            }
            finally
            {
                ended?.Invoke();
            }
        });
    }

    /// <summary>Ends the team's threads.</summary>
    public void Dispose()
    {
        ending = true;
        foreach (var gate in start)
            gate.Release();
        foreach (var member in members)
            member.Join();
        foreach (var gate in start)
            gate.Dispose();
        finished.Dispose();
    }

    private void Run(int parts, Action<int> body)
    {
        part = body;
        finished.Reset(Math.Max(1, parts - 1));
        for (var index = 1; index < parts; index++)
            start[index - 1].Release();
        RunPart(0);
        if (parts > 1)
            finished.Wait();
        if (Interlocked.Exchange(ref failure, null) is { } exception)
            throw new InvalidOperationException("A part of a parallel loop failed.", exception);
    }

    private Thread NewMember(int index) => DedicatedThread.Start($"compute team {index}", () => Serve(index));

    private void Serve(int index)
    {
        while (true)
        {
            var gate = start[index - 1];
            for (var round = 0; round < SpinRounds && gate.CurrentCount == 0; round++)
                Thread.SpinWait(SpinsPerRound);
            gate.Wait();
            if (ending)
                return;
            RunPart(index);
            finished.Signal();
        }
    }

    private void RunPart(int index)
    {
        try
        {
            part(index);
        }
        catch (Exception exception)
        {
            Interlocked.CompareExchange(ref failure, exception, null);
        }
    }
}

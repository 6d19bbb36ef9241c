namespace Gpt2Cluster.Exchange.Links;

/// <summary>
/// What one link has to send: announcements first, then averages (others wait for them), then contributions. It holds
/// references only and at most the frames of two steps of each run, so it has no other bound.
/// </summary>
internal sealed class FrameQueue
{
    private readonly object gate = new();
    private readonly List<Announcement> announcements = [];
    private Queue<OutgoingFrame> averages = new();
    private Queue<OutgoingFrame> contributions = new();
    private bool closed;

    private bool IsEmpty => announcements.Count + averages.Count + contributions.Count == 0;

    /// <summary>Adds an announcement, in the place of one that waits for the same key.</summary>
    public void Add(Announcement announcement)
    {
        lock (gate)
        {
            var again = announcements.Exists(other => other.Key == announcement.Key && other.Again);
            announcements.RemoveAll(other => other.Key == announcement.Key);
            announcements.Add(announcement with { Again = again || announcement.Again });
            Monitor.Pulse(gate);
        }
    }

    /// <summary>Adds a frame.</summary>
    public void Add(in OutgoingFrame frame)
    {
        lock (gate)
        {
            (frame.Header.Kind == Frames.FrameKind.Average ? averages : contributions).Enqueue(frame);
            Monitor.Pulse(gate);
        }
    }

    /// <summary>Drops the frames of a key.</summary>
    public void RemoveFrames(ulong key)
    {
        lock (gate)
        {
            averages = new(averages.Where(frame => frame.Header.Run != key));
            contributions = new(contributions.Where(frame => frame.Header.Run != key));
        }
    }

    /// <summary>Nothing comes any more; <see cref="Take"/> returns false when the queue is empty.</summary>
    public void Close()
    {
        lock (gate)
        {
            closed = true;
            Monitor.PulseAll(gate);
        }
    }

    /// <summary>Waits for the next thing to send: an announcement, a frame, or neither if it took too long.</summary>
    /// <returns>False once closed and empty.</returns>
    public bool Take(TimeSpan patience, out Announcement? announcement, out OutgoingFrame? frame)
    {
        lock (gate)
        {
            announcement = null;
            frame = null;
            if (IsEmpty && !closed)
                Monitor.Wait(gate, patience);
            if (announcements.Count > 0)
            {
                announcement = announcements[0];
                announcements.RemoveAt(0);
            }
            else if (!IsEmpty)
            {
                frame = averages.Count > 0 ? averages.Dequeue() : contributions.Dequeue();
            }
            else if (closed)
            {
                return false;
            }

            return true;
        }
    }

    /// <summary>Sleeps for <paramref name="pause"/>, or until the queue is closed.</summary>
    public void Pause(TimeSpan pause, TimeProvider time)
    {
        var began = time.GetTimestamp();
        lock (gate)
        {
            while (!closed && pause - time.GetElapsedTime(began) is var left && left > TimeSpan.Zero)
                Monitor.Wait(gate, left);
        }
    }
}

namespace Gpt2Cluster.Grains.Workers;

/// <summary>
/// The newest orders of a coordinator and their answers. Orders may come twice: one that is under way is not begun
/// again,
/// and one that is done is answered again. Safe to use from the grain and from the compute thread.
/// </summary>
internal sealed class OrderBook
{
    /// <summary>A coordinator repeats only what is outstanding: far fewer than these.</summary>
    private const int OrdersKept = 32;

    private readonly Dictionary<string, Action?> answers = new(StringComparer.Ordinal);
    private readonly Queue<string> keys = new();
    private readonly Lock gate = new();

    /// <summary>
    /// Whether the order is new and must be carried out; a known one is answered again if its answer is there.
    /// </summary>
    public bool IsNew(string key)
    {
        Action? answer;
        lock (gate)
        {
            if (answers.TryAdd(key, null))
            {
                keys.Enqueue(key);
                if (keys.Count > OrdersKept)
                    answers.Remove(keys.Dequeue());
                return true;
            }

            answer = answers[key];
        }

        answer?.Invoke();
        return false;
    }

    /// <summary>The order is done: answers now, and again whenever it is repeated.</summary>
    public void Answer(string key, Action answer)
    {
        lock (gate)
        {
            if (answers.ContainsKey(key))
                answers[key] = answer;
        }

        answer();
    }

    /// <summary>The order came to nothing; if it is repeated it is tried again.</summary>
    public void Forget(string key)
    {
        lock (gate)
            answers.Remove(key);
    }
}

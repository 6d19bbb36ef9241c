namespace Gpt2Cluster.Grains.Workers;

/// <summary>
/// The newest orders of a coordinator and their answers. Orders may come twice: one that is under way is not begun
/// again, and one that is done is answered again. Safe to use from the grain and from the compute thread.
/// </summary>
internal sealed class OrderBook
{
    /// <summary>
    /// Answered orders that are kept: a coordinator repeats only what is outstanding, far fewer than these. One that
    /// is under way stays however many come after it: a checkpoint may take longer than many steps.
    /// </summary>
    private const int AnswersKept = 32;

    private readonly Dictionary<string, Action?> answers = new(StringComparer.Ordinal);
    private readonly List<string> answered = [];
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
                return true;
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
                Keep(key, answer);
        }

        answer();
    }

    /// <summary>The order came to nothing; if it is repeated it is tried again.</summary>
    public void Forget(string key)
    {
        lock (gate)
        {
            answers.Remove(key);
            answered.Remove(key);
        }
    }

    private void Keep(string key, Action answer)
    {
        answers[key] = answer;
        answered.Remove(key);
        answered.Add(key);
        if (answered.Count <= AnswersKept)
            return;
        answers.Remove(answered[0]);
        answered.RemoveAt(0);
    }
}

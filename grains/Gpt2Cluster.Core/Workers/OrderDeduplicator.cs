using Gpt2Cluster.Core.Runs;

namespace Gpt2Cluster.Core.Workers;

/// <summary>
/// The newest orders of a coordinator and their answers. Orders may come twice: one that is under way is not begun
/// again, and one that is done is answered again.
/// </summary>
public sealed class OrderDeduplicator
{
    /// <summary>
    /// Answered orders that are kept: a coordinator repeats only what is outstanding, far fewer than these. One that
    /// is under way stays however many come after it: a checkpoint may take longer than many steps.
    /// </summary>
    private const int AnswersKept = 32;

    private readonly Dictionary<OrderKey, CoordinatorInput?> answers = [];
    private readonly List<OrderKey> answered = [];

    /// <summary>Whether the order is new and must be carried out.</summary>
    /// <param name="key">The order.</param>
    /// <param name="answer">The answer of a known one, to be given again; null while it is under way.</param>
    public bool IsNew(OrderKey key, out CoordinatorInput? answer)
    {
        if (answers.TryGetValue(key, out answer))
            return false;
        answers.Add(key, null);
        return true;
    }

    /// <summary>The order is done: whenever it is repeated, this is the answer.</summary>
    public void Answer(OrderKey key, CoordinatorInput answer)
    {
        if (!answers.ContainsKey(key))
            return;
        answers[key] = answer;
        answered.Remove(key);
        answered.Add(key);
        if (answered.Count <= AnswersKept)
            return;
        answers.Remove(answered[0]);
        answered.RemoveAt(0);
    }

    /// <summary>The order came to nothing; if it is repeated it is tried again.</summary>
    public void Forget(OrderKey key)
    {
        answers.Remove(key);
        answered.Remove(key);
    }
}

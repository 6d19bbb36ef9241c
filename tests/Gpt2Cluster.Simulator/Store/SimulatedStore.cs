using Gpt2Cluster.Simulator.Clock;
using Gpt2Cluster.Simulator.Network;

namespace Gpt2Cluster.Simulator.Store;

/// <summary>
/// The store: records under ETags and lists of events. It is a process of its own, or lives in a silo's; what it has
/// answered for is on its disk and outlives it.
/// </summary>
internal sealed class SimulatedStore(Timeline timeline, Chance chance, SimulatedNetwork network)
{
    /// <summary>Its name in the network, where it is a process of its own.</summary>
    public const string OwnName = "store";

    /// <summary>A client of the store gives a question up after this long.</summary>
    private static readonly TimeSpan AnswerBound = TimeSpan.FromSeconds(5);

    private readonly Dictionary<string, (object Value, int Version)> records = [];
    private int lastVersion;

    /// <summary>The events, oldest first.</summary>
    public List<string> Events { get; } = [];

    /// <summary>The samples, oldest first.</summary>
    public List<string> Samples { get; } = [];

    /// <summary>The node it is reached at: a silo's name if it lives in one.</summary>
    public string Node { get; set; } = OwnName;

    /// <summary>Whether it was stopped for a while.</summary>
    public bool IsAway { get; set; }

    /// <summary>Whether the process it lives in runs.</summary>
    public Func<bool> IsHosted { get; set; } = () => true;

    /// <summary>Whether it answers.</summary>
    public bool IsUp => !IsAway && IsHosted();

    /// <summary>Every record that was stored, in order, for whoever watches the schedule.</summary>
    public event Action<string, object>? Stored;

    /// <summary>Whether a process reaches it now.</summary>
    public bool IsReachedFrom(string node) => IsUp && network.IsOpen(node, Node);

    /// <summary>Asks the store. An answer may be lost although what was asked for is done.</summary>
    /// <param name="node">Who asks.</param>
    /// <param name="life">Its process.</param>
    /// <param name="execute">What the store does, in one piece.</param>
    public Task<T> Ask<T>(string node, Life? life, Func<T> execute)
    {
        var answer = new TaskCompletionSource<T>();
        timeline.After(AnswerBound, life, () => answer.TrySetException(new TimeoutException("no answer")));
        if (!IsReachedFrom(node))
        {
            timeline.After(chance.Seconds(0.01, 1), life, () => answer.TrySetException(new IOException("no store")));
            return answer.Task;
        }

        network.Send(node, Node, null, Arrive, mayRepeat: false);
        return answer.Task;

        void Arrive()
        {
            if (!IsUp)
                return;
            try
            {
                var result = execute();
                network.Send(Node, node, life, () => answer.TrySetResult(result), mayRepeat: false);
            }
            catch (Exception refusal)
            {
                network.Send(Node, node, life, () => answer.TrySetException(refusal), mayRepeat: false);
            }
        }
    }

    /// <summary>A record and its version; null and 0 if there is none.</summary>
    public (object? Value, int Version) Read(string key) => records.TryGetValue(key, out var found) ? found : (null, 0);

    /// <summary>Stores a record if nobody has stored another one since <paramref name="version"/>.</summary>
    /// <returns>The new version; null for a conflict.</returns>
    public int? Write(string key, object value, int version, bool isUnconditional)
    {
        var present = Read(key).Version;
        if (present != version && !isUnconditional)
            return null;
        records[key] = (value, ++lastVersion);
        Stored?.Invoke(key, value);
        return lastVersion;
    }

    /// <summary>Loses everything; versions of before never come again, as no ETag does.</summary>
    public void Lose()
    {
        records.Clear();
        Events.Clear();
        Samples.Clear();
    }
}

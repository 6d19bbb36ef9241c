using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Gpt2Cluster.Contracts.Jobs;

namespace Gpt2Cluster.Grains.Jobs;

/// <summary>The events of one job: written by its thread, read by whoever asks.</summary>
public sealed class JobEvents
{
    /// <summary>Events given at once.</summary>
    public const int PageSize = 1000;

    /// <summary>Events kept at most: a job that says more fails.</summary>
    public const int MaximumCount = 1_000_000;

    /// <summary>NaN and infinities are strings, as in the events of a run.</summary>
    private static readonly JsonSerializerOptions Readable = new()
    {
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private readonly Lock gate = new();
    private readonly List<JobEventLine> lines = [];
    private TaskCompletionSource more = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>
    /// The last event of a job that this process has never started: the process that did is gone, and whoever asks
    /// would wait for ever.
    /// </summary>
    /// <param name="sequence">The last number that was seen of it.</param>
    public static JobEventLine Lost(long sequence) => new(
        sequence + 1,
        Line("error", new JsonObject { ["message"] = "The silo was restarted and the work is lost; try it again." }));

    /// <summary>Says something.</summary>
    /// <param name="name">The <c>event</c> field.</param>
    /// <param name="fields">The other fields; its nodes are taken over.</param>
    public void Add(string name, JsonObject fields)
    {
        ArgumentNullException.ThrowIfNull(fields);
        var json = Line(name, fields);
        lock (gate)
        {
            if (lines.Count >= MaximumCount)
                throw new InvalidOperationException($"The job has said more than {MaximumCount} events.");
            lines.Add(new JobEventLine(lines.Count + 1, json));
            more.TrySetResult();
            more = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    /// <summary>
    /// The events after a sequence number, at most <see cref="PageSize"/>, and what ends when there are more.
    /// </summary>
    public (JobEventLine[] Lines, Task More) After(long sequence)
    {
        lock (gate)
        {
            var first = (int)Math.Clamp(sequence, 0, lines.Count);
            return ([.. lines.Skip(first).Take(PageSize)], more.Task);
        }
    }

    private static string Line(string name, JsonObject fields)
    {
        var json = new JsonObject { ["event"] = name };
        foreach (var (key, value) in fields)
            json[key] = value?.DeepClone();
        return json.ToJsonString(Readable);
    }
}

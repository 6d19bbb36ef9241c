using System.Diagnostics;
using System.Text.Json;
using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.Faults.Training;

/// <summary>A run, as a client sees it that stays through all faults.</summary>
internal sealed class WatchedRun : IDisposable
{
    private const int WordsShown = 6;

    private readonly Process client;
    private readonly object gate = new();
    private readonly Dictionary<long, string> hashes = [];
    private readonly List<string> warnings = [];
    private readonly List<string> errors = [];
    private readonly List<long> steps = [];
    private string? endStatus;
    private bool isOver;

    private WatchedRun(string name, IEnumerable<string> words, string dataFolder)
    {
        Name = name;
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Repository.ClientDll);
        foreach (var word in words)
            start.ArgumentList.Add(word);
        start.Environment["GPT2CLUSTER_DATA"] = dataFolder;
        client = new Process { StartInfo = start };
        client.OutputDataReceived += (_, line) => Hear(line.Data);
        client.ErrorDataReceived += (_, line) => Note(line.Data);
        client.Start();
        client.BeginOutputReadLine();
        client.BeginErrorReadLine();
    }

    /// <summary>The run's name.</summary>
    public string Name { get; }

    /// <summary>State hash by step: those of all checkpoints that were told so far.</summary>
    public IReadOnlyDictionary<long, string> Hashes
    {
        get
        {
            lock (gate)
                return new Dictionary<long, string>(hashes);
        }
    }

    /// <summary>The warnings that were told so far.</summary>
    public IReadOnlyList<string> Warnings
    {
        get
        {
            lock (gate)
                return [.. warnings];
        }
    }

    /// <summary>The last step that was told; 0 before the first.</summary>
    public long LastStep
    {
        get
        {
            lock (gate)
                return steps.Count == 0 ? 0 : steps[^1];
        }
    }

    /// <summary>Whether the client has ended.</summary>
    public bool IsOver
    {
        get
        {
            lock (gate)
                return isOver;
        }
    }

    /// <summary>What is wrong with what the client saw; null if nothing is.</summary>
    public string? Fault
    {
        get
        {
            lock (gate)
            {
                if (isOver && endStatus != "completed")
                    return $"the client of run {Name} ended with {endStatus ?? "no end"}: {string.Join(' ', errors)}";
                return steps.Zip(steps.Skip(1), Between).FirstOrDefault(wrong => wrong is not null);
            }
        }
    }

    /// <summary>What the client was told last of troubles, for people.</summary>
    public string LastWords
    {
        get
        {
            lock (gate)
                return string.Join('\n', warnings.Concat(errors).TakeLast(WordsShown).Prepend($"--- client of {Name}"));
        }
    }

    /// <summary>Submits a run and watches it.</summary>
    /// <param name="name">The run's name.</param>
    /// <param name="words">The client's arguments.</param>
    /// <param name="dataFolder">The client's data folder.</param>
    public static WatchedRun Start(string name, IEnumerable<string> words, string dataFolder) =>
        new(name, words, dataFolder);

    /// <summary>Waits for what the client is told.</summary>
    /// <returns>Whether it is so; the client's end ends the wait.</returns>
    public bool WaitUntil(Func<WatchedRun, bool> isSo, TimeSpan bound)
    {
        var clock = Stopwatch.StartNew();
        lock (gate)
        {
            while (!isSo(this))
            {
                var left = bound - clock.Elapsed;
                if (left <= TimeSpan.Zero || isOver)
                    return isSo(this);
                Monitor.Wait(gate, left);
            }

            return true;
        }
    }

    public void Dispose()
    {
        if (!client.HasExited)
            client.Kill();
        client.Dispose();
    }

    /// <summary>What is wrong between two steps that were told one after the other; null if nothing is.</summary>
    private string? Between(long before, long after)
    {
        if (after <= before)
            return $"step {after} of run {Name} was told after step {before}";

        // A step whose reports died with a worker has no loss that could be told, and a warning says so.
        for (var missing = before + 1; missing < after; missing++)
        {
            var reason = $"Step {missing} was applied,";
            if (!warnings.Exists(warning => warning.StartsWith(reason, StringComparison.Ordinal)))
                return $"step {missing} of run {Name} was never told";
        }

        return null;
    }

    private void Hear(string? line)
    {
        lock (gate)
        {
            if (line is null)
                isOver = true;
            else if (line.StartsWith('{'))
                Take(JsonDocument.Parse(line).RootElement);
            Monitor.PulseAll(gate);
        }
    }

    private void Take(JsonElement told)
    {
        switch (told.GetProperty("event").GetString())
        {
            case "step":
                steps.Add(told.GetProperty("step").GetInt64());
                break;
            case "checkpoint":
                hashes[told.GetProperty("step").GetInt64()] = told.GetProperty("state_sha256").GetString()!;
                break;
            case "warning":
                warnings.Add(told.GetProperty("message").GetString()!);
                break;
            case "end":
                endStatus = told.GetProperty("status").GetString();
                break;
            case "error":
                errors.Add(told.ToString());
                break;
            default:
                break;
        }
    }

    private void Note(string? line)
    {
        if (line is null)
            return;
        lock (gate)
            errors.Add(line);
    }
}

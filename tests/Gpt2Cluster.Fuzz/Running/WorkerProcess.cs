using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Gpt2Cluster.Fuzz.Commands;
using Gpt2Cluster.Fuzz.Targets;

namespace Gpt2Cluster.Fuzz.Running;

/// <summary>One process that works on a parser's inputs until its order is done, it dies, or it hangs.</summary>
internal static class WorkerProcess
{
    /// <summary>Of a worker's objects: what an input may take, and what the program itself has.</summary>
    private const long HeapBytes = Trial.MostBytes + (48L << 20);

    private const int LookMilliseconds = 200;

    /// <summary>
    /// What one input may take of the processor before the worker is ended. Above what <see cref="Trial"/> allows, so
    /// that a slow input is found there, on a processor that is not shared.
    /// </summary>
    private static readonly TimeSpan MostProcessorTime = TimeSpan.FromSeconds(15);

    /// <summary>What one input may take if it waits instead.</summary>
    private static readonly TimeSpan MostTime = TimeSpan.FromSeconds(90);

    /// <summary>Runs one.</summary>
    /// <param name="target">The parser.</param>
    /// <param name="order">What it is to do.</param>
    /// <param name="tally">Its numbers.</param>
    /// <param name="tallyPath">Where they lie.</param>
    /// <param name="found">Takes its findings.</param>
    /// <returns>Null if it did what it was to do; else what ended it.</returns>
    public static Finding? Run(
        ParserTarget target, WorkerOrder order, Tally tally, string tallyPath, Action<Finding> found)
    {
        tally.HasBegun = false;
        tally.Index = order.From;
        using var process = Process.Start(ThisProgram.Start(WorkerCommand.Words(target, order, tallyPath), HeapBytes))
            ?? throw new InvalidOperationException("No worker was started.");
        var last = new StringBuilder();
        process.OutputDataReceived += (_, line) =>
        {
            if (line.Data is ['{', ..] json)
                found(JsonSerializer.Deserialize<Finding>(json)!);
        };
        process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is { Length: > 0 } words && last.Length < 2000)
                last.Append(words).Append(' ');
        };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        var isHung = Watch(process, tally);
        if (isHung)
            process.Kill(entireProcessTree: true);
        process.WaitForExit();
        if (isHung)
            return new Finding(tally.Index, "hang", $"hang {target.Name}", "did not come to an end");
        return process.ExitCode == 0
            ? null
            : new Finding(tally.Index, "crash", $"crash {target.Name}", string.Create(CultureInfo.InvariantCulture,
                $"ended its process with exit code {process.ExitCode}: {Start(last.ToString())}"));
    }

    /// <returns>Whether it hangs; else it has ended.</returns>
    private static bool Watch(Process process, Tally tally)
    {
        var (index, since, used) = (-1L, Stopwatch.GetTimestamp(), TimeSpan.Zero);
        while (!process.WaitForExit(LookMilliseconds))
        {
            var now = Used(process);
            if (tally.Index != index || !tally.HasBegun)
                (index, since, used) = (tally.Index, Stopwatch.GetTimestamp(), now);
            else if (now - used > MostProcessorTime || Stopwatch.GetElapsedTime(since) > MostTime)
                return true;
        }

        return false;
    }

    private static TimeSpan Used(Process process)
    {
        try
        {
            process.Refresh();
            return process.TotalProcessorTime;
        }
        catch (Exception problem) when (problem is InvalidOperationException or Win32Exception)
        {
            // It has just ended.
            return TimeSpan.Zero;
        }
    }

    private static string Start(string words) => words.Length > 200 ? words[..200] : words.TrimEnd();
}

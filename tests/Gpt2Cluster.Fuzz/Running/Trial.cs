using System.Diagnostics;
using System.Globalization;
using Gpt2Cluster.Core;
using Gpt2Cluster.Fuzz.Targets;

namespace Gpt2Cluster.Fuzz.Running;

/// <summary>What came of one input.</summary>
/// <param name="IsRefused">Whether the parser refused it in a sentence.</param>
/// <param name="Elapsed">
/// The processor time it took, or less if it took less time; the fastest of three times where that is long. Through a
/// process: how long it took.
/// </param>
/// <param name="AllocatedBytes">What was allocated in all, which is never less than what was held at once.</param>
/// <param name="Finding">What is wrong; null if nothing is.</param>
internal readonly record struct TrialResult(bool IsRefused, TimeSpan Elapsed, long AllocatedBytes, Finding? Finding);

/// <summary>Gives inputs to one parser, and holds it to what it promises. One thread at a time.</summary>
/// <param name="read">The parser.</param>
/// <param name="longest">What an input may take.</param>
/// <param name="fileName">What a sentence must hold; null for nothing.</param>
/// <param name="isElsewhere">Whether another process does the work.</param>
internal sealed class Trial(Reading read, TimeSpan longest, string? fileName = null, bool isElsewhere = false)
{
    /// <summary>What an input may take, in bytes above what was there before.</summary>
    public const long MostBytes = 256 << 20;

    private const int LongestSentence = 2000;
    private const int RepeatCount = 2;

    private TimeSpan slowest = TimeSpan.FromMilliseconds(1);

    /// <summary>A parser's.</summary>
    public static Trial Of(ParserTarget target, Scratch scratch) =>
        new(target.Open(scratch), target.Longest, target.FileName, target.Owner == Owner.Process);

    /// <summary>Reads a sound file, so that nothing is compiled while inputs are measured.</summary>
    public void WarmUp(byte[] sound)
    {
        try
        {
            read(sound);
        }
        catch (UserErrorException)
        {
            // Some seeds are sound in form only.
        }
    }

    /// <summary>Gives it one input.</summary>
    /// <param name="input">The input.</param>
    /// <param name="index">Its number.</param>
    public TrialResult Run(byte[] input, long index)
    {
        var result = Once(input, index);
        // What is compiled or collected meanwhile is not the input's: a record is what it takes each time.
        var repeats = isElsewhere ? 0 : RepeatCount;
        for (; repeats > 0 && result.Elapsed > slowest && result.Finding is null; repeats--)
        {
            var again = Once(input, index);
            result = again.Elapsed < result.Elapsed ? again : result;
        }

        if (result.Elapsed > slowest)
            slowest = result.Elapsed;
        return result.Finding is null && result.Elapsed > longest
            ? result with
            {
                Finding = new Finding(index, "slow", "slow", string.Create(CultureInfo.InvariantCulture,
                    $"took {result.Elapsed.TotalSeconds:0.0} s, the fastest of {RepeatCount + 1} times")),
            }
            : result;
    }

    private TrialResult Once(byte[] input, long index)
    {
        var (isRefused, finding) = (false, (Finding?)null);
        var before = GC.GetTotalAllocatedBytes(precise: false);
        var (began, used) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
        try
        {
            read(input);
        }
        catch (UserErrorException problem)
        {
            isRefused = true;
            if (Fault(problem.Message, fileName) is { } fault)
                finding = new Finding(index, "sentence", $"sentence {fault}", $"{fault}: {Shown(problem.Message)}");
        }
        catch (OutOfMemoryException problem)
        {
            finding = new Finding(index, "memory", $"memory {Place(problem)}", $"took more than {MostBytes >> 20} MiB");
        }
        catch (Exception problem)
        {
            var signature = $"{problem.GetType().Name} {Place(problem)}";
            finding = new Finding(index, "exception", signature, $"{signature}: {Shown(problem.Message)}");
        }

        // A busy machine takes the processor away.
        var elapsed = Stopwatch.GetElapsedTime(began);
        if (!isElsewhere && Environment.CpuUsage.TotalTime - used is var worked && worked < elapsed)
            elapsed = worked;
        return new TrialResult(isRefused, elapsed, GC.GetTotalAllocatedBytes(precise: false) - before, finding);
    }

    /// <summary>What makes a message no sentence for people; null if nothing does.</summary>
    internal static string? Fault(string message, string? fileName)
    {
        if (message.Length == 0 || message[^1] is not ('.' or '?'))
            return "no whole sentence";
        if (message.Length > LongestSentence)
            return "too long";
        if (fileName is not null && !message.Contains(fileName, StringComparison.Ordinal))
            return "does not name the file";
        return message.Any(char.IsControl) ? "control characters" : null;
    }

    private static string Shown(string message)
    {
        var start = message.Length > 300 ? message[..300] + "..." : message;
        return string.Concat(start.Select(letter => char.IsControl(letter) ? ' ' : letter));
    }

    // The uppermost method of this project's, or the uppermost of all.
    private static string Place(Exception problem)
    {
        var frames = (problem.StackTrace ?? "").Split('\n').Select(line => line.Trim()).ToList();
        var frame = frames.FirstOrDefault(line => line.StartsWith("at Gpt2Cluster.", StringComparison.Ordinal)
            && !line.StartsWith("at Gpt2Cluster.Fuzz.", StringComparison.Ordinal)) ?? frames[0];
        var end = frame.IndexOf('(', StringComparison.Ordinal);
        return end < 0 ? frame : frame[..end];
    }
}

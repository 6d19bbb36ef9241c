using System.Diagnostics;
using Gpt2Cluster.Fuzz.Targets;

namespace Gpt2Cluster.Fuzz.Running;

/// <summary>What is asked of a campaign.</summary>
/// <param name="Seed">By which inputs are made.</param>
/// <param name="From">The first input.</param>
/// <param name="Count">How many; null: until the time is over.</param>
/// <param name="Time">How long; null: until all are done.</param>
internal sealed record CampaignOptions(ulong Seed, long From, long? Count, TimeSpan? Time);

/// <summary>What came of a campaign.</summary>
/// <param name="Target">The parser.</param>
/// <param name="Options">What was asked.</param>
/// <param name="Count">Inputs that were tried.</param>
/// <param name="Read">Inputs that were read whole.</param>
/// <param name="Refused">Inputs that were refused in a sentence.</param>
/// <param name="Slowest">What the slowest took.</param>
/// <param name="LargestBytes">What the largest allocated in all.</param>
/// <param name="GrowthBytes">Most that a worker held above what it held before its first input.</param>
/// <param name="Limited">Inputs that a library took too much over.</param>
/// <param name="Findings">What was wrong, one of each cause.</param>
internal sealed record CampaignResult(
    ParserTarget Target,
    CampaignOptions Options,
    long Count,
    long Read,
    long Refused,
    TimeSpan Slowest,
    long LargestBytes,
    long GrowthBytes,
    long Limited,
    IReadOnlyList<Finding> Findings)
{
    /// <summary>Findings that nothing else takes care of.</summary>
    public int FaultCount => Findings.Count(finding => !finding.IsLimited(Target));
}

/// <summary>All inputs of one parser, by one worker after the other.</summary>
internal static class Campaign
{
    private const int MostWorkers = 1000;

    /// <summary>Runs it.</summary>
    public static CampaignResult Run(ParserTarget target, CampaignOptions options)
    {
        using var scratch = new Scratch();
        var path = scratch.File("tally");
        using var tally = new Tally(path);
        var findings = new Dictionary<string, Finding>(StringComparer.Ordinal);
        var end = options.Count is { } count ? options.From + count : long.MaxValue;
        var time = options.Time ?? TimeSpan.MaxValue;
        var watch = Stopwatch.StartNew();
        var next = options.From;
        var growth = 0L;
        for (var workers = 0; next < end && watch.Elapsed < time && workers < MostWorkers; workers++)
        {
            var order = new WorkerOrder(options.Seed, next, end, time - watch.Elapsed);
            var ended = WorkerProcess.Run(target, order, tally, path, Add);
            next = tally.Index;
            growth = Math.Max(growth, tally.GrowthBytes);
            if (ended is null)
                break;
            Add(ended);
            if (ended.IsLimited(target))
                tally.Limited++;
            if (!tally.HasBegun)
                break; // It did not even begin: no other would.
            next++;
        }

        if (growth > Trial.MostBytes && findings.Values.All(finding => finding.Kind != "memory"))
            Add(new Finding(-1, "memory", "resident", $"held {growth >> 20} MiB more than before the first input"));
        return new CampaignResult(
            target, options, next - options.From, tally.Read, tally.Refused, TimeSpan.FromTicks(tally.SlowestTicks),
            tally.LargestBytes, growth, tally.Limited, [.. findings.Values]);

        void Add(Finding finding)
        {
            lock (findings)
                findings.TryAdd(finding.Signature, finding);
        }
    }
}

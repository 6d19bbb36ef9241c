using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Gpt2Cluster.Fuzz.Targets;

namespace Gpt2Cluster.Fuzz.Running;

/// <summary>What a worker is to do.</summary>
/// <param name="Seed">The campaign's seed.</param>
/// <param name="From">The first input.</param>
/// <param name="To">The first one that is not its business.</param>
/// <param name="Time">When it ends before that.</param>
internal sealed record WorkerOrder(ulong Seed, long From, long To, TimeSpan Time);

/// <summary>
/// Gives inputs to one parser, in a process of its own that may hang or die. A finding is a line of JSON on its
/// output; its numbers are in a <see cref="Tally"/>.
/// </summary>
internal static class Worker
{
    /// <summary>Of a thread's stack: half of what .NET gives its own threads where the system says nothing.</summary>
    private const int StackBytes = 768 << 10;

    private const int InputsBetweenLooks = 512;
    private const int WarmUps = 3;
    private const int MostFindings = 50;

    /// <summary>Works through an order.</summary>
    public static void Run(ParserTarget target, WorkerOrder order, Tally tally, TextWriter findings)
    {
        using var scratch = new Scratch();
        var trial = Trial.Of(target, scratch);
        foreach (var seed in target.Seeds().Take(WarmUps))
            trial.WarmUp(seed.Bytes);
        var thread = new Thread(() => Loop(target, trial, order, tally, findings), StackBytes);
        thread.Start();
        thread.Join();
    }

    private static void Loop(
        ParserTarget target, Trial trial, WorkerOrder order, Tally tally, TextWriter findings)
    {
        var mutator = target.NewMutator();
        var known = new HashSet<string>(StringComparer.Ordinal);
        var baseline = ResidentBytes("VmRSS");
        var watch = Stopwatch.StartNew();
        tally.HasBegun = true;
        for (var index = order.From; index < order.To && watch.Elapsed < order.Time; index++)
        {
            var input = mutator.Make(order.Seed, index);
            tally.Index = index;
            var result = trial.Run(input, index);
            if (result.Finding is { } finding && known.Count < MostFindings && known.Add(finding.Signature))
            {
                var shortest = Shrinking.Shorten(trial, finding, input);
                findings.WriteLine(JsonSerializer.Serialize(finding with { Input = shortest }));
                findings.Flush();
            }

            Count(target, tally, result, index);
            if (index % InputsBetweenLooks == 0)
                tally.GrowthBytes = ResidentBytes("VmHWM") - baseline;
        }

        tally.GrowthBytes = ResidentBytes("VmHWM") - baseline;
    }

    private static void Count(ParserTarget target, Tally tally, TrialResult result, long index)
    {
        if (result.IsRefused)
            tally.Refused++;
        else if (result.Finding is null)
            tally.Read++;
        else if (result.Finding.IsLimited(target))
            tally.Limited++;
        if (result.Elapsed.Ticks > tally.SlowestTicks)
            (tally.SlowestTicks, tally.SlowestIndex) = (result.Elapsed.Ticks, index);
        if (result.AllocatedBytes > tally.LargestBytes)
            (tally.LargestBytes, tally.LargestIndex) = (result.AllocatedBytes, index);
        tally.Index = index + 1;
    }

    // proc(5): kB are 1024 bytes.
    private static long ResidentBytes(string name)
    {
        foreach (var line in File.ReadLines("/proc/self/status"))
        {
            if (line.StartsWith(name, StringComparison.Ordinal))
                return long.Parse(line.AsSpan(name.Length + 1).Trim(" \tkB"), CultureInfo.InvariantCulture) << 10;
        }

        return 0;
    }
}

using System.Text.Json.Nodes;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Contracts.Jobs;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Core.Threads;

namespace Gpt2Cluster.Grains.Jobs;

/// <summary>The measurements, as jobs.</summary>
internal static class BenchJobs
{
    /// <summary>The two first steps warm up.</summary>
    private const int FewestSteps = 3;

    /// <summary>The first token reads the prompt and is not counted.</summary>
    private const int FewestTokens = 2;

    /// <summary>How long one silo of an exchange waits for the others.</summary>
    private static readonly TimeSpan ExchangeBound = TimeSpan.FromMinutes(5);

    /// <summary>Times training steps.</summary>
    public static JsonObject Step(JobWork work, BenchStepRequest wish)
    {
        var shape = wish.Shape ?? ShapeOf(wish.Preset);
        if (wish.Steps < FewestSteps)
            throw new UserErrorException($"--steps must be {FewestSteps} or more: the first two warm up.");
        if (wish.SequenceLength < 1 || wish.SequenceLength > shape.ContextLength || wish.BatchSize < 1)
        {
            throw new UserErrorException(
                $"--batch-size must be 1 or more and --sequence-length 1 to {shape.ContextLength}, the model's "
                + "context.");
        }

        return work.Services.Benchmarks.Step(
            new StepBenchmarkOrder(
                work.Device.Index,
                shape,
                wish.BatchSize,
                wish.SequenceLength,
                work.PrecisionOf(wish.Precision),
                wish.Threads ?? work.Threads,
                wish.Steps,
                ScopeOf(wish.Train),
                wish.Recompute),
            work.Cancellation);
    }

    private static TrainingScope ScopeOf(string train) => TrainingScope.Parse(train)
        ?? throw new UserErrorException($"--train takes {TrainingScope.Forms}, not '{train}'.");

    /// <summary>Times generation.</summary>
    public static JsonObject Generate(JobWork work, BenchGenerateRequest wish)
    {
        var shape = ShapeOf(wish.Preset);
        if (wish.Length < FewestTokens || wish.Length >= shape.ContextLength || wish.Count < 1)
        {
            throw new UserErrorException(
                $"--num must be 1 or more and --length {FewestTokens} to {shape.ContextLength - 1}, the model's "
                + "context less the prompt.");
        }

        return work.Services.Benchmarks.Generate(
            new GenerateBenchmarkOrder(
                work.Device.Index,
                shape,
                wish.Length,
                wish.Count,
                work.DecodingPrecisionOf(wish.Precision),
                work.Threads),
            work.Cancellation);
    }

    /// <summary>Times the averaging. The jobs on all silos must have the same unique text in their keys.</summary>
    public static JsonObject Exchange(JobWork work, BenchExchangeRequest wish)
    {
        if (wish.Floats < 1 || wish.Rounds < 1)
            throw new UserErrorException("--floats and --rounds must be 1 or more.");
        var view = work.Services.Grains.Cluster().Describe().WaitHere();
        var known = view.Silos.ToDictionary(silo => silo.Name);
        var members = wish.Silos.Select(name => known.TryGetValue(name, out var silo)
            ? new ExchangeMember(name, silo.StripeHost, silo.StripePort)
            : throw new UserErrorException($"No silo named {name} is in the cluster.")).ToList();
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(work.Cancellation);
        bound.CancelAfter(ExchangeBound);
        var membership = new ExchangeMembership
        {
            Run = $"bench-{work.Unique}",
            Generation = 1,
            LeafCount = members.Count,
            Silos = members,
            OwnIndex = Array.IndexOf(wish.Silos, work.Services.Silo.Name),
        };
        return membership.OwnIndex < 0
            ? throw new UserErrorException($"Silo {work.Services.Silo.Name} is not one of those that are to take part.")
            : Exchange(work, membership, wish, known, bound.Token);
    }

    /// <summary>
    /// While stripes pass, the silo calls a worker of the next one: probes must not queue behind them.
    /// </summary>
    private static JsonObject Exchange(
        JobWork work,
        ExchangeMembership membership,
        BenchExchangeRequest wish,
        Dictionary<string, SiloDescription> known,
        CancellationToken cancellation)
    {
        var next = membership.Silos[(membership.OwnIndex + 1) % membership.Silos.Count];
        var worker = work.Services.Grains.Worker(known[next.SiloName].Workers[0].Key);
        PingMeter? pings = null;
        var found = work.Services.Benchmarks.Exchange(
            membership,
            wish.Floats,
            wish.Rounds,
            () => pings = PingMeter.Start(worker.Stand, work.Services.Time),
            cancellation);
        var times = pings!.Times;
        found["ping_count"] = times.Count;
        found["ping_milliseconds_median"] = PingMeter.Percentile(times, 0.5).TotalMilliseconds;
        found["ping_milliseconds_99th_percentile"] = PingMeter.Percentile(times, 0.99).TotalMilliseconds;
        return found;
    }

    private static ModelShape ShapeOf(string preset) => Presets.Scratch(
        preset.StartsWith(ModelReference.ScratchPrefix, StringComparison.Ordinal)
            ? preset
            : ModelReference.ScratchPrefix + preset).Shape;
}

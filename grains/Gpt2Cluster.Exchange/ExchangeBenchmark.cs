using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Exchange;

/// <summary>What one participant of an <see cref="ExchangeBenchmark"/> measured.</summary>
/// <param name="Rounds">Time of every measured round on this silo, in order.</param>
/// <param name="Median">Their median.</param>
/// <param name="SlowestMedian">The largest median of all silos, equal on all of them: the benchmark's figure.</param>
public sealed record ExchangeBenchmarkResult(
    IReadOnlyList<TimeSpan> Rounds, TimeSpan Median, TimeSpan SlowestMedian);

/// <summary>
/// Measures how long the silos of a membership take to have all averaged a number of fp32 values: each contributes one
/// whole buffer as the leaf of its own index and waits for the average. A barrier stands before every round.
/// </summary>
public sealed class ExchangeBenchmark : IDisposable
{
    /// <summary>
    /// Rounds that are not counted: each of the two averages buffers is touched for the first time in one.
    /// </summary>
    public const int WarmUpCount = 2;

    /// <summary>The test pattern repeats after this many elements; sums of it are exact in fp32.</summary>
    private const int PatternElements = 1 << 10;

    private const int LeafShift = 31;

    private readonly ExchangeMembership membership;
    private readonly long floats;
    private readonly TimeProvider time;
    private readonly IRunExchange run;
    private readonly IRunExchange barrier;
    private readonly FlatBuffer sums;
    private readonly FlatBuffer mark;
    private long meetingCount;

    /// <summary>Opens this silo's part.</summary>
    /// <param name="channel">This silo's stripe channel.</param>
    /// <param name="membership">The participants; its leaf count is replaced by theirs.</param>
    /// <param name="floats">Values to average, 1 or more.</param>
    /// <param name="time">What the rounds are measured with.</param>
    public ExchangeBenchmark(IStripeChannel channel, ExchangeMembership membership, long floats, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(channel);
        ArgumentNullException.ThrowIfNull(membership);
        this.membership = membership with { LeafCount = membership.Silos.Count };
        this.floats = floats;
        this.time = time;
        run = channel.Open(membership.Run, floats);
        barrier = channel.Open(RunName.Parse($"{membership.Run}.barrier"), membership.Silos.Count);
        sums = FlatBuffer.Allocate(floats);
        mark = FlatBuffer.Allocate(membership.Silos.Count);
        for (long element = 0; element < floats; element++)
            sums.Floats(element, 1)[0] = Pattern(membership.OwnIndex, element);
    }

    /// <summary>Runs the rounds; all participants must.</summary>
    /// <param name="rounds">Rounds to measure, 1 or more.</param>
    /// <param name="beside">Begins what goes on during the measured rounds; it is disposed of behind the last.</param>
    /// <param name="cancellation">Ends a wait for the others.</param>
    /// <exception cref="InvalidOperationException">An average is wrong.</exception>
    public ExchangeBenchmarkResult Run(int rounds, Func<IDisposable>? beside, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rounds, 1);
        run.Configure(membership);
        barrier.Configure(membership);
        for (var round = 1; round <= WarmUpCount; round++)
            Average(round, cancellation);
        var times = new List<TimeSpan>();
        using (beside?.Invoke())
        {
            for (var round = WarmUpCount + 1; round <= WarmUpCount + rounds; round++)
                times.Add(Average(round, cancellation));
        }

        Check(run.WaitForAverages(WarmUpCount + rounds, cancellation));
        var median = times.Order().ElementAt(times.Count / 2);
        var slowest = Meet((float)median.TotalSeconds, cancellation);
        Meet(0, cancellation);
        return new ExchangeBenchmarkResult(times, median, TimeSpan.FromSeconds(slowest));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        run.Dispose();
        barrier.Dispose();
        sums.Dispose();
        mark.Dispose();
    }

    private TimeSpan Average(long round, CancellationToken cancellation)
    {
        run.BeginStep(round, membership.Generation, []);
        Meet(0, cancellation);
        var start = time.GetTimestamp();
        var leaf = new Subtree(0, membership.OwnIndex);
        run.Contributions(round, membership.Generation).Contribute(leaf, sums, 0, floats);
        run.WaitForAverages(round, cancellation);
        return time.GetElapsedTime(start);
    }

    /// <summary>Waits until all participants are here, by averaging one number of each.</summary>
    /// <returns>The largest of the numbers.</returns>
    private float Meet(float value, CancellationToken cancellation)
    {
        var meeting = ++meetingCount;
        barrier.BeginStep(meeting, membership.Generation, []);
        mark.Floats(membership.OwnIndex, 1)[0] = value;
        var leaf = new Subtree(0, membership.OwnIndex);
        barrier.Contributions(meeting, membership.Generation).Contribute(leaf, mark, 0, mark.Length);
        var averages = barrier.WaitForAverages(meeting, cancellation).Floats(0, (int)mark.Length);
        var largest = 0f;
        foreach (var average in averages)
            largest = Math.Max(largest, average * membership.LeafCount);
        return largest;
    }

    private void Check(FlatBuffer averages)
    {
        var expected = new float[PatternElements];
        for (var element = 0; element < PatternElements; element++)
        {
            var sum = 0f;
            for (var leaf = 0; leaf < membership.LeafCount; leaf++)
                sum += Pattern(leaf, element);
            expected[element] = sum / membership.LeafCount;
        }

        for (long start = 0; start < floats; start += PatternElements)
        {
            var count = (int)Math.Min(PatternElements, floats - start);
            if (!averages.Floats(start, count).SequenceEqual(expected.AsSpan(0, count)))
                throw new InvalidOperationException($"The averages from element {start} on are wrong.");
        }
    }

    private static float Pattern(int leaf, long element) => (element + (leaf * LeafShift)) % PatternElements;
}

using Gpt2Cluster.Core.Runs.Planning;

namespace Gpt2Cluster.Core.Tests.Runs;

/// <summary>
/// The dumb twin of <see cref="ScalingAdvice"/>: a step lived through moment by moment. Whole numbers only: a moment is
/// the unit of time, and in each of them the link carries <see cref="BytesPerMoment"/> bytes.
/// </summary>
internal sealed record SlowStep
{
    /// <summary>Moments that a micro-batch takes each worker; every worker is on a silo of its own.</summary>
    public required IReadOnlyList<int> MicroBatchMoments { get; init; }

    /// <summary>M.</summary>
    public required int MicroBatchCount { get; init; }

    /// <summary>What a silo's link carries in a moment.</summary>
    public required int BytesPerMoment { get; init; }

    /// <summary>Bytes that each silo sends.</summary>
    public required int BytesPerSilo { get; init; }

    /// <summary>Those of them that pass beside compute.</summary>
    public required int OverlappedBytes { get; init; }

    /// <summary>Moments of the update.</summary>
    public required int UpdateMoments { get; init; }

    /// <summary>The step's moments from the first micro-batch to the end of the update.</summary>
    public int Live()
    {
        var moment = 0;
        var (left, workers) = (MicroBatchCount, MicroBatchMoments.Select(_ => 0).ToArray());

        // Each micro-batch goes to whoever would be done with it first.
        for (; left > 0; left--)
            workers[Enumerable.Range(0, workers.Length).MinBy(Next)] += 1;
        var busyUntil = workers.Select((count, worker) => count * MicroBatchMoments[worker]).ToArray();
        while (busyUntil.Any(end => end > moment))
            moment++;

        // What did not pass by now is waited for, whole moments long.
        for (var bytes = workers.Length == 1 ? 0 : BytesPerSilo - OverlappedBytes; bytes > 0; bytes -= BytesPerMoment)
            moment++;
        for (var update = 0; update < UpdateMoments; update++)
            moment++;
        return moment;

        int Next(int worker) => (workers[worker] + 1) * MicroBatchMoments[worker];
    }
}

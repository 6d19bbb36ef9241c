namespace Gpt2Cluster.Core.Runs;

/// <summary>
/// The losses of a run in bounded space: means over <see cref="Stride"/> steps each; when there are
/// <see cref="MaxPointCount"/>, neighbours are joined and the stride doubles.
/// </summary>
/// <param name="Stride">Steps of a point: 1, 2, 4 ...</param>
/// <param name="Points">The mean loss of the steps <c>i Stride + 1</c> up to <c>(i + 1) Stride</c>, for each i.</param>
/// <param name="OpenSum">The sum of the losses of the steps that do not fill a point yet.</param>
/// <param name="OpenCount">How many those are.</param>
public sealed record LossHistory(long Stride, IReadOnlyList<double> Points, double OpenSum, long OpenCount)
    : StoredRecord
{
    /// <summary>Points at most.</summary>
    public const int MaxPointCount = 256;

    /// <summary>No steps.</summary>
    public static LossHistory Empty { get; } = new(1, [], 0, 0);

    /// <summary>How many steps there are.</summary>
    public long StepCount => (Points.Count * Stride) + OpenCount;

    /// <summary>
    /// The history with one more step. A step that is here already changes nothing: a run that goes on from a
    /// checkpoint computes the same losses again. Steps in between that nobody told of (a coordinator died) take the
    /// same loss.
    /// </summary>
    /// <param name="step">From 1.</param>
    /// <param name="loss">Nats per token.</param>
    public LossHistory With(long step, double loss)
    {
        var history = this;
        while (history.StepCount < step)
            history = history.Append(loss);
        return history;
    }

    private LossHistory Append(double loss)
    {
        var open = this with { OpenSum = OpenSum + loss, OpenCount = OpenCount + 1 };
        return open.OpenCount < Stride ? open : open.Close();
    }

    private LossHistory Close()
    {
        List<double> points = [.. Points, OpenSum / Stride];
        if (points.Count < MaxPointCount)
            return new(Stride, points, 0, 0);
        return new(2 * Stride, [.. points.Chunk(2).Select(pair => (pair[0] + pair[1]) / 2)], 0, 0);
    }
}

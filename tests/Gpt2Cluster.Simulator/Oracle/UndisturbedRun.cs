using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Runs.State;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Simulator.Oracle;

/// <summary>A replica's state after a step.</summary>
/// <param name="Parameters">The parameters.</param>
/// <param name="First">The first moments.</param>
/// <param name="Second">The second moments.</param>
/// <param name="Hash">The state hash.</param>
internal sealed record StateAfter(float[] Parameters, float[] First, float[] Second, string Hash);

/// <summary>
/// The run as one worker computes it that nothing ever happens to: the same for every cluster and every fault. It
/// shares no code with the simulated workers but the arithmetic of one element.
/// </summary>
internal sealed class UndisturbedRun
{
    private readonly TrainingModel model;
    private readonly List<StateAfter> states = [];

    /// <summary>Computes the run.</summary>
    public UndisturbedRun(TrainingModel model)
    {
        this.model = model;
        float[] parameters = [.. Enumerable.Range(0, model.ElementCount).Select(model.Initial)];
        var (first, second) = (new float[parameters.Length], new float[parameters.Length]);
        Keep(parameters, first, second);
        var (steps, end) = (model.Specification.Steps, (Ending?)null);
        for (var step = 1L; step <= steps && end is null; step++)
            end = Compute(step, parameters, first, second);
        End = end ?? new Ending(RunStatus.Completed, null);
    }

    /// <summary>The states after the steps, from 0 on.</summary>
    public IReadOnlyList<StateAfter> States => states;

    /// <summary>Mean losses of the steps; the first is that of step 1.</summary>
    public List<double> Losses { get; } = [];

    /// <summary>Validation losses by step.</summary>
    public Dictionary<long, double> Validations { get; } = [];

    /// <summary>What the run ends with.</summary>
    public Ending End { get; }

    /// <summary>The step it ends at.</summary>
    public long LastStep => states.Count - 1;

    private Ending? Compute(long step, float[] parameters, float[] first, float[] second)
    {
        var specification = model.Specification;
        var averages = TreeSum(step, 0, LeavesOfTree(), parameters);
        for (var element = 0; element < averages.Length; element++)
            averages[element] /= specification.MicroBatchCount;
        var loss = Enumerable.Range(0, specification.MicroBatchCount)
            .Aggregate(0.0, (sum, leaf) => sum + model.Loss(step, leaf, parameters)) / specification.MicroBatchCount;
        if (double.IsFinite(TrainingModel.Norm(averages)))
            TrainingModel.Update(parameters, first, second, averages, Rate(step));
        else if (specification.OnNan == NanPolicy.Stop)
            return new Ending(RunStatus.Failed, "not finite");
        Losses.Add(loss);
        Keep(parameters, first, second);
        return Validate(step, parameters);
    }

    private Ending? Validate(long step, float[] parameters)
    {
        var specification = model.Specification;
        var (every, patience) = (specification.ValidateEvery, specification.EarlyStop);
        if (every == 0 || specification.ValidationBatches() is not { } batches)
            return null;
        if (step % every != 0 && step != specification.Steps)
            return null;
        var sum = 0.0;
        for (var window = 0L; window < batches.Parts.Single().WindowCount; window++)
            sum += model.ValidationLoss(window, parameters);
        Validations.Add(step, sum / batches.TargetCount);
        var best = Validations.MinBy(each => (each.Value, each.Key)).Key;
        var sinceBest = Validations.Keys.Count(each => each > best);
        return patience > 0 && sinceBest >= patience && step < specification.Steps
            ? new Ending(RunStatus.EarlyStopped, null)
            : null;
    }

    private double Rate(long step) => model.Specification.Schedule.At(step, model.Specification.Steps);

    private int LeavesOfTree()
    {
        var leaves = 1;
        while (leaves < model.Specification.MicroBatchCount)
            leaves *= 2;
        return leaves;
    }

    // The canonical tree as its definition says it: halves of a power of two, and what is missing passes through.
    private float[] TreeSum(long step, int first, int count, float[] parameters)
    {
        if (count == 1)
        {
            var gradient = new float[model.ElementCount];
            model.Gradient(step, first, parameters, gradient);
            return gradient;
        }

        var left = TreeSum(step, first, count / 2, parameters);
        if (first + (count / 2) >= model.Specification.MicroBatchCount)
            return left;
        var right = TreeSum(step, first + (count / 2), count / 2, parameters);
        for (var element = 0; element < left.Length; element++)
            left[element] += right[element];
        return left;
    }

    private void Keep(float[] parameters, float[] first, float[] second) => states.Add(
        new StateAfter([.. parameters], [.. first], [.. second], HashOf(states.Count, parameters, first, second)));

    private static string HashOf(long step, float[] parameters, float[] first, float[] second) =>
        StateHash.Combine(step, PieceOf(parameters), PieceOf(first), PieceOf(second));

    private static byte[] PieceOf(float[] part)
    {
        var piece = new byte[StateHash.PieceHashBytes];
        StateHash.HashPiece(part, piece);
        return piece;
    }
}

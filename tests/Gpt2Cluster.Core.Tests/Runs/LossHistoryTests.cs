using CsCheck;
using Gpt2Cluster.Core.Runs;

namespace Gpt2Cluster.Core.Tests.Runs;

public sealed class LossHistoryTests
{
    /// <summary>Joining halves rounds; means of small numbers agree far better than this.</summary>
    private const double Tolerance = 1e-9;

    [Fact]
    public void Points_are_means_of_their_steps_and_stay_bounded() =>
        Gen.Int[1, 3000].Sample(
            steps =>
            {
                var history = LossHistory.Empty;
                for (var step = 1; step <= steps; step++)
                    history = history.With(step, step % 7);
                Assert.Equal(steps, history.StepCount);
                Assert.True(history.Points.Count < LossHistory.MaxPointCount);
                for (var point = 0; point < history.Points.Count; point++)
                {
                    var first = (int)(point * history.Stride) + 1;
                    var mean = Enumerable.Range(first, (int)history.Stride).Average(step => step % 7);
                    Assert.Equal(mean, history.Points[point], Tolerance);
                }
            },
            iter: 30);

    [Fact]
    public void A_step_that_is_here_already_changes_nothing()
    {
        var history = LossHistory.Empty.With(1, 5).With(2, 4);
        Assert.Same(history, history.With(2, 9));
        Assert.Same(history, history.With(1, 9));
    }

    [Fact]
    public void A_step_that_nobody_told_of_takes_the_next_one_s_loss() =>
        Assert.Equal([5.0, 3.0, 3.0], LossHistory.Empty.With(1, 5).With(3, 3).Points);
}

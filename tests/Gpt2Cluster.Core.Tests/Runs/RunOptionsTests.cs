using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Runs.State;
using Gpt2Cluster.Core.Tests.Specification;

namespace Gpt2Cluster.Core.Tests.Runs;

public sealed class RunOptionsTests
{
    [Fact]
    public void What_is_set_by_nobody_is_sound() => Assert.Equal(new RunOptions(), new RunOptions().Checked());

    [Theory]
    [InlineData(0, 30, 120, 20e6, "coordinator:waiting-patience is 1 to 86400 seconds, not 0.")]
    [InlineData(30, 86401, 120, 20e6, "coordinator:last-copy-patience is 1 to 86400 seconds, not 86401.")]
    [InlineData(30, 30, 29, 20e6, "coordinator:stall-patience is 30 to 86400 seconds, not 29.")]
    [InlineData(30, 30, 120, 0, "coordinator:slow-disk is 0.001 to 1000000 MB/s, not 0.")]
    [InlineData(30, 30, 120, double.NaN, "coordinator:slow-disk is 0.001 to 1000000 MB/s, not NaN.")]
    public void What_is_out_of_range_is_refused(double waiting, double copy, double stall, double disk, string message)
    {
        var options = new RunOptions
        {
            WaitingPatience = TimeSpan.FromSeconds(waiting),
            LastCopyPatience = TimeSpan.FromSeconds(copy),
            StallPatience = TimeSpan.FromSeconds(stall),
            SlowDiskBytesPerSecond = disk,
        };
        Assert.Equal(message, Assert.Throws<UserErrorException>(options.Checked).Message);
    }

    [Theory]
    [InlineData(10, true)]
    [InlineData(60, false)]
    public void A_run_that_does_not_move_says_so_after_the_patience_it_was_given(int seconds, bool isSaid)
    {
        var options = new RunOptions { StallPatience = TimeSpan.FromSeconds(seconds) };
        var state = new RunState(new RunRecord { Specification = Specifications.Sound }) { Options = options };
        (state, _) = RunMachine.Decide(state, new Started());
        (state, _) = RunMachine.Decide(state, new WorkersOffered([new OfferedWorker("a/0".Worker(), "1")], 1, []));
        var (_, commands) = RunMachine.Decide(state, new Ticked { At = TimeSpan.FromSeconds(30) });
        var warnings = commands.OfType<Publish>().Select(publish => publish.Notice).OfType<Warned>();
        Assert.Equal(isSaid, warnings.Any(warning => warning.Message.Contains("waits for the replicas of worker a/0")));
    }

    [Fact]
    public void They_stay_when_a_run_rests()
    {
        var options = new RunOptions { StallPatience = TimeSpan.FromSeconds(7) };
        var state = new RunState(new RunRecord { Specification = Specifications.Sound }) { Options = options };
        (state, _) = RunMachine.Decide(state, new Started());
        (state, _) = RunMachine.Decide(state, new PauseRequested());
        Assert.IsType<RunPhase.Resting>(state.Phase);
        Assert.Same(options, state.Options);
    }
}

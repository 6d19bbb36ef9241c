using Gpt2Cluster.Client.Watching;
using Gpt2Cluster.Core.Runs;

namespace Gpt2Cluster.Client.Tests.Watching;

public sealed class RunEndsTests
{
    [Theory]
    [InlineData(RunStatus.Completed, false, 0)]
    [InlineData(RunStatus.Completed, true, 0)]
    [InlineData(RunStatus.EarlyStopped, false, 0)]
    [InlineData(RunStatus.Paused, false, 0)]
    [InlineData(RunStatus.Paused, true, 130)]
    [InlineData(RunStatus.Cancelled, false, 1)]
    [InlineData(RunStatus.Failed, false, 1)]
    [InlineData(RunStatus.Failed, true, 1)]
    public void An_end_has_its_exit_code(RunStatus status, bool wasInterrupted, int code) =>
        Assert.Equal(code, RunEnds.ExitCodeOf(status, wasInterrupted));

    [Theory]
    [InlineData(RunStatus.Queued, false)]
    [InlineData(RunStatus.Preparing, false)]
    [InlineData(RunStatus.Running, false)]
    [InlineData(RunStatus.Paused, true)]
    [InlineData(RunStatus.Completed, true)]
    [InlineData(RunStatus.Failed, true)]
    public void A_run_is_over_when_nothing_happens_by_itself(RunStatus status, bool isOver) =>
        Assert.Equal(isOver, status.IsAtRest());
}

using Gpt2Cluster.Client.Watching;
using Gpt2Cluster.Contracts.Runs.Events;

namespace Gpt2Cluster.Client.Tests.Watching;

public sealed class RunEndsTests
{
    [Theory]
    [InlineData(EndStatus.Completed, false, 0)]
    [InlineData(EndStatus.Completed, true, 0)]
    [InlineData(EndStatus.EarlyStopped, false, 0)]
    [InlineData(EndStatus.Paused, false, 0)]
    [InlineData(EndStatus.Paused, true, 130)]
    [InlineData(EndStatus.Cancelled, false, 1)]
    [InlineData(EndStatus.Failed, false, 1)]
    [InlineData(EndStatus.Failed, true, 1)]
    public void An_end_has_its_exit_code(string status, bool wasInterrupted, int code) =>
        Assert.Equal(code, RunEnds.ExitCodeOf(status, wasInterrupted));

    [Theory]
    [InlineData("queued", false)]
    [InlineData("preparing", false)]
    [InlineData("running", false)]
    [InlineData("paused", true)]
    [InlineData("completed", true)]
    [InlineData("failed", true)]
    public void A_run_is_over_when_nothing_happens_by_itself(string status, bool isOver) =>
        Assert.Equal(isOver, RunEnds.IsOver(status));
}

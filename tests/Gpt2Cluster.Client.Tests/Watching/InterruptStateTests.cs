using Gpt2Cluster.Client.Watching;

namespace Gpt2Cluster.Client.Tests.Watching;

public sealed class InterruptStateTests
{
    [Fact]
    public void The_first_signal_ends_in_good_order_and_every_later_one_at_once()
    {
        var state = new InterruptState();
        Assert.False(state.WasInterrupted);
        Assert.Equal(InterruptAction.End, state.Signal());
        Assert.True(state.WasInterrupted);
        Assert.Equal(InterruptAction.ExitNow, state.Signal());
        Assert.Equal(InterruptAction.ExitNow, state.Signal());
    }
}

using Gpt2Cluster.Compute.Model;

namespace Gpt2Cluster.Compute.Tests;

public sealed class PhaseClockTests
{
    [Fact]
    public void A_phase_in_which_a_step_failed_is_not_counted_in_the_next()
    {
        var clock = new PhaseClock();
        clock.Enter(Phase.HeadBackward);
        clock.Reset();
        clock.Enter(Phase.Embedding);
        Assert.Equal(TimeSpan.Zero, clock.Times.HeadBackward);
        Assert.Equal(Phase.Embedding, clock.Enter(Phase.Outside));
    }
}

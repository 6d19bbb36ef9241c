
namespace Gpt2Cluster.LocalCluster.Tests;

public sealed class SupervisorMessageTests
{
    [Fact]
    public void A_message_comes_back_as_it_was_said()
    {
        var message = new SupervisorMessage(SupervisorOutcome.BadInput, "Port 7 is in use.");
        Assert.Equal(message, SupervisorMessage.Read(message.ToString()));
        Assert.DoesNotContain('\n', message.ToString());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("Unhandled exception.")]
    public void A_supervisor_that_says_nothing_sensible_has_failed(string? line) =>
        Assert.Equal(SupervisorOutcome.Failed, SupervisorMessage.Read(line).Outcome);
}

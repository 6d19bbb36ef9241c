namespace Gpt2Cluster.Core.Tests;

public sealed class UserErrorExceptionTests
{
    [Theory]
    [InlineData('\u001b')]
    [InlineData('\0')]
    [InlineData('\u009b')]
    [InlineData('\n')]
    public void No_control_character_is_left(char control) => Assert.Equal(
        "a b.", new UserErrorException($"a{control}b.", new InvalidDataException()).Message);

    [Fact]
    public void A_long_message_keeps_its_beginning_and_its_remedy()
    {
        var message = new UserErrorException($"The file a {new string('x', 100_000)}; mend it.").Message;
        Assert.StartsWith("The file a x", message, StringComparison.Ordinal);
        Assert.EndsWith("x; mend it.", message, StringComparison.Ordinal);
        Assert.InRange(message.Length, 1000, 1600);
    }
}

using System.CommandLine;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Output;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Client.Tests.CommandLine;

public sealed class ConfirmationTests : IDisposable
{
    private readonly Confirmation confirmation = new();
    private readonly StringWriter said = new();

    public void Dispose() => said.Dispose();

    [Theory]
    [InlineData("y", true)]
    [InlineData(" Yes ", true)]
    [InlineData("n", false)]
    [InlineData("yesterday", false)]
    [InlineData("", false)]
    [InlineData(null, false)]
    public async Task Nothing_but_yes_is_yes(string? answer, bool expected)
    {
        var context = Context(answer ?? "");
        confirmation.Check(context, "It");
        Assert.Equal(expected, await confirmation.Ask(context, "Delete it?", CancellationToken.None));
        Assert.Equal("Delete it? [y/N] ", said.ToString());
    }

    [Fact]
    public async Task Who_has_said_so_is_not_asked()
    {
        var context = Context(null, "--yes");
        confirmation.Check(context, "It");
        Assert.True(await confirmation.Ask(context, "Delete it?", CancellationToken.None));
        Assert.Equal("", said.ToString());
    }

    [Fact]
    public void Where_nobody_can_be_asked_it_is_refused() => Assert.Equal(
        "It cannot be taken back, and nobody can be asked here; give --yes to do it all the same.",
        Assert.Throws<UserErrorException>(() => confirmation.Check(Context(null), "It")).Message);

    private CommandContext Context(string? answer, params string[] words)
    {
        var root = new RootCommand { confirmation.Yes };
        var output = new ClientOutput(said, said) { Answers = answer is null ? null : new StringReader(answer) };
        return new CommandContext(root.Parse(words), null!, output, TimeProvider.System, _ => 0);
    }
}

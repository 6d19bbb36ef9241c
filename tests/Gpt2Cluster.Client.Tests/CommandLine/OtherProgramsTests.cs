using System.Text.RegularExpressions;
using Gpt2Cluster.Client.CommandLine;

namespace Gpt2Cluster.Client.Tests.CommandLine;

public sealed partial class OtherProgramsTests
{
    private readonly CommandTree tree = new();

    [Fact]
    public void What_is_named_in_an_options_place_exists_and_the_option_does_not()
    {
        Assert.NotEmpty(OtherPrograms.All);
        foreach (var (command, option, place) in OtherPrograms.All)
        {
            // What many commands have in common is asked of each.
            foreach (var one in command is null ? ["train", "generate"] : new[] { command })
            {
                var options = Options(one);
                Assert.DoesNotContain(option, options);
                var named = Name().Matches(place).Select(name => name.Value);
                Assert.Empty(named.Except(options).Except(OfOtherCommands));
            }
        }
    }

    [Theory]
    [InlineData("train", "--val_batch_count")]
    [InlineData("train", "--memory-saving-gradients")]
    [InlineData("submit", "--model_name")]
    [InlineData("generate", "--return_as_list")]
    public void Dashes_and_underscores_are_the_same(string command, string option) =>
        Assert.NotNull(OtherPrograms.InsteadOf(command, option));

    [Theory]
    [InlineData("train", "--stpes")]
    [InlineData("runs", "--model-name")]
    [InlineData("bench step", "--max-iters")]
    public void Nobody_brings_those(string command, string option) =>
        Assert.Null(OtherPrograms.InsteadOf(command, option));

    // A sentence may send people to another command.
    private static string[] OfOtherCommands => ["--combine", "--run", "--model"];

    private List<string> Options(string name) =>
    [
        .. tree.Root.Subcommands.Single(command => command.Name == name).Options.Concat(tree.Root.Options)
            .SelectMany(option => option.Aliases.Prepend(option.Name)),
    ];

    [GeneratedRegex("--[a-z]+(-[a-z]+)*")]
    private static partial Regex Name();
}

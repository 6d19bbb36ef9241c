using System.CommandLine;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Client.Tests.CommandLine;

public sealed class ConfigurationFileTests : IDisposable
{
    private readonly Scratch scratch = new();

    public void Dispose() => scratch.Dispose();

    [Fact]
    public void Options_of_the_file_stand_behind_those_that_were_typed()
    {
        var words = Expand("steps: 30\nlearning_rate: 1e-3\nrecompute: true\nsample-prompt: 'The sea'\n");
        Assert.Equal(["--steps=30", "--learning-rate=1e-3", "--recompute", "--sample-prompt=The sea"], words);
    }

    [Fact]
    public void What_is_typed_wins_and_a_flag_that_is_off_is_left_out() =>
        Assert.Equal(["--seed=7"], Expand("steps: 30\nseed: 7\nrecompute: false\n", "--steps", "5"));

    [Fact]
    public void A_list_is_one_value_behind_commas() => Assert.Equal(
        ["--lora-targets=c_attn,c_fc"], Expand("lora-targets: [c_attn, c_fc]\n"));

    [Theory]
    [InlineData("")]
    [InlineData("# nothing\n")]
    [InlineData("---\n")]
    public void A_file_without_options_changes_nothing(string yaml) => Assert.Empty(Expand(yaml));

    [Theory]
    [InlineData("step: 3\n", "names 'step', which is no option; the nearest is 'steps'")]
    [InlineData("learnig_rate: 3\n", "the nearest is 'learning-rate'")]
    [InlineData("config: other.yaml\n", "names 'config', which is no option")]
    [InlineData("steps: 3\nsteps: 4\n", "names steps twice, again in line 2")]
    [InlineData("steps:\n  deep: 4\n", "has neither a value nor a list of values in line 2")]
    [InlineData("steps: [[4]]\n", "has neither a value nor")]
    [InlineData("steps: *gone\n", "has neither a value nor")]
    [InlineData("- steps\n", "is no list of 'name: value' lines")]
    [InlineData("steps\n", "is no list of 'name: value' lines")]
    [InlineData("steps: 'open\n", "is no YAML in line")]
    [InlineData("a: 1\n---\nb: 2\n", "has more than one document")]
    [InlineData("recompute: maybe\n", "gives recompute another value than true or false")]
    public void What_is_wrong_is_named(string yaml, string sentence) => Assert.Contains(
        sentence, Assert.Throws<UserErrorException>(() => Expand(yaml)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_file_that_is_not_there_is_named()
    {
        var tree = new CommandTree();
        string[] words = ["train", "x.txt", "--config", scratch.File("none.yaml")];
        var error = Assert.Throws<UserErrorException>(() => ConfigurationFile.Expanded(words, tree.Root.Parse(words)));
        Assert.Contains("none.yaml", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_that_is_far_too_long_for_an_option_is_not_compared_with_them() => Assert.Contains(
        "has a name of 1000 characters in line 1",
        Assert.Throws<UserErrorException>(() => Expand(new string('a', 1000) + ": 1\n")).Message,
        StringComparison.Ordinal);

    [Fact]
    public void Deep_nesting_is_refused_at_once() => Assert.Throws<UserErrorException>(
        () => Expand("steps: " + new string('[', 500_000)));

    private string[] Expand(string yaml, params string[] typed)
    {
        var path = scratch.File("run.yaml");
        File.WriteAllText(path, yaml);
        var tree = new CommandTree();
        string[] words = ["train", "x.txt", "--config", path, .. typed];
        return ConfigurationFile.Expanded(words, tree.Root.Parse(words))[words.Length..];
    }
}

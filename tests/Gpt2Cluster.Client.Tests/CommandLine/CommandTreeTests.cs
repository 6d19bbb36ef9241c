using System.CommandLine;
using Gpt2Cluster.Client.CommandLine;

namespace Gpt2Cluster.Client.Tests.CommandLine;

/// <summary>The command line is a contract: a change of a name shows here first.</summary>
public sealed class CommandTreeTests
{
    private const string Common = "--cluster --data --silos --json --quiet --verbose --help --version";

    private const string Training =
        "--dataset --mix --encoding --text-field --config --run --model --steps --batch-size --micro-batches "
        + "--sequence-length --learning-rate --schedule --warmup --weight-decay --beta1 --beta2 --epsilon --clip-norm "
        + "--optimizer --dropout --noise --train --lora-alpha --lora-dropout --lora-targets --device "
        + "--precision --recompute --workers --threads-per-worker --exact --on-nan --sample-every --sample-num "
        + "--sample-length --sample-prompt --sample-prompt-file --top-k --top-p --temperature "
        + "--sample-repetition-penalty --sample-no-repeat-ngram --sample-min-length --sample-stop "
        + "--sample-ignore-end-of-text --sample-include-prefix --save-every --keep --val-dataset --val-split "
        + "--val-every --early-stop --seed --license --author --pause-at";

    private static readonly Dictionary<string, string> Frozen = new()
    {
        ["train"] = $"DATASET {Training}",
        ["submit"] = $"DATASET {Training}",
        ["watch"] = "RUN",
        ["show"] = "RUN --as-config",
        ["runs"] = "",
        ["workers"] = "",
        ["samples"] = "RUN --last --follow --out",
        ["pause"] = "RUN",
        ["resume"] = "RUN",
        ["cancel"] = "RUN",
        ["delete"] = "RUN --yes",
        ["prune"] = "--dry-run",
        ["stop"] = "",
        ["generate"] =
            "--model --run --checkpoint --prompt --prompt-file --interactive --length --num --temperature --top-k "
            + "--top-p --repetition-penalty --no-repeat-ngram --min-length --stop --ignore-end-of-text "
            + "--include-prefix --out --seed --precision",
        ["eval"] = "DATASET --model --precision --encoding --text-field",
        ["encode"] = "IN OUT.npz --combine --legacy-endoftext --model --encoding --text-field",
        ["inspect"] = "DATASET --mix --steps --model --batch-size --micro-batches --sequence-length --train --device "
            + "--precision --recompute --threads-per-worker --val-dataset --val-split --encoding --text-field",
        ["model list"] = "",
        ["model show"] = "MODEL",
        ["model delete"] = "MODEL --yes",
        ["model pull"] = "NAME",
        ["model import"] = "PATH --name --base --license --author",
        ["model export"] = "MODEL OUT --format --dtype --merged --overwrite",
        ["provenance"] = "WHAT",
        ["model init"] = "PRESET OUT --seed",
        ["bench step"] = "--model --batch-size --sequence-length --precision --steps --threads "
            + "--train --recompute",
        ["bench exchange"] = "--floats --rounds",
        ["bench generate"] = "--model --length --num --precision",
        ["doctor"] = "",
    };

    private readonly CommandTree tree = new();

    [Fact]
    public void Commands_and_options_are_those_of_the_contract()
    {
        var actual = Leaves(tree.Root)
            .Where(command => !command.Hidden)
            .ToDictionary(Tokens.FullName, Words);
        Assert.Equal(Frozen.OrderBy(pair => pair.Key), actual.OrderBy(pair => pair.Key));
    }

    [Fact]
    public void Every_command_takes_the_common_options() =>
        Assert.Equal(
            Common.Split(' ').Order(),
            tree.Root.Options
                .Where(option => option.Recursive || option is VersionOption)
                .Select(option => option.Name)
                .Order());

    [Fact]
    public void Every_option_parses_with_dashes_and_with_underscores()
    {
        foreach (var command in Leaves(tree.Root))
        {
            foreach (var option in command.Options)
            {
                string[] value = option.Arity.MaximumNumberOfValues == 0 ? [] : [ValueFor(option)];
                Assert.Empty(Errors(command, [option.Name, .. value]));
                Assert.Empty(Errors(command, ["--" + option.Name[2..].Replace('-', '_'), .. value]));
            }
        }
    }

    [Theory]
    [InlineData("generate --run r --prefix x --truncate y --include-prefix no")]
    [InlineData("generate --run r --stop x --stop y --truncate z")]
    [InlineData("train d --sample_prefix x --sample_truncate y --sample-prompt z --sample_top_k 4")]
    public void Other_tools_names_and_repetitions_parse(string typed)
    {
        var words = Tokens.WithDashes(typed.Split(' '), tree.Root);
        Assert.Null(tree.UsageError(words, tree.Root.Parse(words)));
    }

    [Fact]
    public void Every_help_page_has_an_example_that_parses()
    {
        foreach (var command in Leaves(tree.Root))
        {
            var output = new StringWriter();
            var words = Tokens.FullName(command).Split(' ').Append("--help").ToArray();
            tree.Root.Parse(words).Invoke(new InvocationConfiguration { Output = output });
            foreach (var example in command.MoreExamples.Prepend(command.Example))
            {
                Assert.Contains($"gpt2cluster {example}", output.ToString(), StringComparison.Ordinal);
                var typed = Split(example);
                Assert.Null(tree.UsageError(typed, tree.Root.Parse(typed)));
            }
        }
    }

    [Fact]
    public void The_help_of_train_shows_the_presets_defaults()
    {
        var output = new StringWriter();
        tree.Root.Parse(["train", "--help"]).Invoke(new InvocationConfiguration { Output = output });
        Assert.Contains("scratch:tiny", output.ToString(), StringComparison.Ordinal);
        Assert.Contains("--steps 200", output.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--help", "gpt2cluster [command] [options]")]
    [InlineData("train --help", "gpt2cluster train [<DATASET>] [options]")]
    [InlineData("model --help", "gpt2cluster model [command] [options]")]
    public void The_usage_names_the_program_as_the_examples_do(string words, string expected)
    {
        var output = new StringWriter();
        tree.Root.Parse(words.Split(' ')).Invoke(new InvocationConfiguration { Output = output });
        var usage = output.ToString().ReplaceLineEndings("\n").Split("Usage:\n  ")[1].Split('\n')[0];
        Assert.Equal(expected, usage);
    }

    private static IEnumerable<ClientCommand> Leaves(Command command) =>
        command.Subcommands.SelectMany(Leaves).Concat(command is ClientCommand leaf ? [leaf] : []);

    private static string Words(ClientCommand command) => string.Join(
        " ", command.Arguments.Select(argument => argument.Name).Concat(command.Options.Select(option => option.Name)));

    private static string ValueFor(Option option) => option.HelpName switch
    {
        "N" => "7",
        "X" => "0.5",
        "N|MIN..MAX" => "1..3",
        "A=3,B=1" => "A=3,B=1",
        { } words when words.Contains('|', StringComparison.Ordinal) => words.Split('|')[0],
        _ => "word",
    };

    private static string[] Split(string example) =>
        [.. System.CommandLine.Parsing.CommandLineParser.SplitCommandLine(example)];

    private List<string> Errors(ClientCommand command, IEnumerable<string> typed)
    {
        var required = command.Arguments
            .Where(argument => argument.Arity.MinimumNumberOfValues > 0)
            .Select(_ => "word");
        string[] words = [.. Tokens.FullName(command).Split(' '), .. required, .. typed];
        var dashed = Tokens.WithDashes(words, tree.Root);
        return tree.UsageError(dashed, tree.Root.Parse(dashed)) is { } error ? [error] : [];
    }
}

using Gpt2Cluster.Client.CommandLine;

namespace Gpt2Cluster.Client.Tests.CommandLine;

public sealed class TokensTests
{
    private readonly CommandTree tree = new();

    [Theory]
    [InlineData(
        "train --dataset d.npz --sample_every 50 --sample_num 2",
        "train --dataset d.npz --sample-every 50 --sample-num 2")]
    [InlineData("train --batch_size=4 d", "train --batch-size=4 d")]
    [InlineData("train my_text --run my_run", "train my_text --run my_run")]
    [InlineData("train d --sample-prompt __init__", "train d --sample-prompt __init__")]
    [InlineData("train d --no_such_option", "train d --no_such_option")]
    [InlineData("train -- --sample_every", "train -- --sample_every")]
    public void Underscores_become_dashes_in_names_of_options_only(string typed, string expected) =>
        Assert.Equal(expected.Split(' '), Tokens.WithDashes(typed.Split(' '), tree.Root));

    [Theory]
    [InlineData("train d --stpes 4", "'--stpes' is not an option of 'train'.")]
    [InlineData("train d --model --stpes", "'--stpes' is not an option of 'train'.")]
    [InlineData("train --twremat d", "'--twremat' is not an option of 'train'; here: --recompute.")]
    [InlineData("submit d --restore_from latest", "'--restore_from' is not an option of 'submit'; here: the same "
        + "command goes on with an unfinished run, --run NEW begins another one, and --model run:NAME begins with the "
        + "weights of one.")]
    [InlineData("generate --nsamples=5", "'--nsamples' is not an option of 'generate'; here: --num.")]
    [InlineData("bench step --rounds 4", "'--rounds' is not an option of 'bench step'.")]
    [InlineData("runs --last 4", "'--last' is not an option of 'runs'.")]
    [InlineData("runs surplus", "'surplus' is one word too many for 'runs'.")]
    [InlineData("model convert a b", "'convert' is not a command.")]
    [InlineData("trian d", "'trian' is not a command.")]
    [InlineData("trian d --steps 4", "'trian' is not a command.")]
    [InlineData("model convert a --steps 4", "'convert' is not a command.")]
    [InlineData("--bogus", "'--bogus' is not an option.")]
    [InlineData("train d --steps -4", "--steps takes a whole number that is 0 or more, not '-4'.")]
    [InlineData("train d --steps 1e3", "--steps takes a whole number that is 0 or more, not '1e3'.")]
    [InlineData("train d --batch-size 0", "--batch-size takes a whole number of 1 or more, or auto, not '0'.")]
    [InlineData("train d --batch-size auto5", "--batch-size takes a whole number of 1 or more, or auto, not 'auto5'.")]
    [InlineData("train d --batch-size AUTO", "--batch-size takes a whole number of 1 or more, or auto, not 'AUTO'.")]
    [InlineData("train d --batch-size -1", "--batch-size takes a whole number of 1 or more, or auto, not '-1'.")]
    [InlineData("bench step --batch-size auto", "--batch-size takes a whole number of 1 or more, not 'auto'.")]
    [InlineData("bench step --batch-size -1", "--batch-size takes a whole number of 1 or more, not '-1'.")]
    [InlineData("bench step --batch-size 0", "--batch-size takes a whole number of 1 or more, not '0'.")]
    [InlineData("train d --learning-rate fast", "--learning-rate takes a number, not 'fast'.")]
    [InlineData("train d --learning-rate nan", "--learning-rate takes a number, not 'nan'.")]
    [InlineData("train d --schedule step", "--schedule takes constant, linear or cosine, not 'step'.")]
    [InlineData("train d --train lora", "--train takes all, transformer-layers or lora:RANK, not 'lora'.")]
    [InlineData("train d --workers 3..2", "--workers takes a number of 1 or more, or MIN..MAX, not '3..2'.")]
    [InlineData("watch", "Required argument missing for command: 'watch'.")]
    [InlineData("train d --steps", "Required argument missing for option: '--steps'.")]
    public void What_makes_no_command_is_refused_in_one_sentence(string typed, string sentence)
    {
        var words = typed.Split(' ');
        Assert.Equal(sentence, tree.UsageError(words, tree.Root.Parse(words)));
    }

    [Theory]
    [InlineData("train d --temperature -0.5")]
    [InlineData("train -- --odd-name")]
    [InlineData("generate --model gpt2 --prompt=--odd")]
    public void What_makes_one_is_not(string typed)
    {
        var words = typed.Split(' ');
        Assert.Null(tree.UsageError(words, tree.Root.Parse(words)));
    }
}

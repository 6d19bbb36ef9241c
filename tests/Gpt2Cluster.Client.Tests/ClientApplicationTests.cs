using System.Text;
using System.Text.Json.Nodes;
using Gpt2Cluster.Client.Output;

namespace Gpt2Cluster.Client.Tests;

/// <summary>Bad input that this machine can tell: one clear sentence, exit code 2, and no cluster is started.</summary>
public sealed class ClientApplicationTests : IDisposable
{
    /// <summary>As many tokens as words; a context of 128 is full with half of them.</summary>
    private static readonly string LongPrompt = string.Concat(Enumerable.Repeat("sea,", 128));

    private readonly Scratch scratch = new();

    public static TheoryData<string, string> BadRemovals => new()
    {
        { "delete a/b --yes", "The run's name 'a/b'" },
        { "delete run1", "Deleting the run run1 cannot be taken back, and nobody can be asked here; give --yes" },
        { "model show nosuch", "There is no model 'nosuch' in the store" },
        { "model show {0}/sound", "in the store" },
        { "model delete nosuch --yes", "There is no model 'nosuch' in the store" },
        { "model delete {0}/sound --yes", "in the store" },
        { "prune run1", "'run1' is one word too many for 'prune'" },
    };

    public static TheoryData<string, string> BadInput => new()
    {
        { "train {0}/missing.txt --model scratch:tiny", "There is no file or folder" },
        { "train {0}/empty.txt --model scratch:tiny", "is empty" },
        { "train {0}/binary.txt --model scratch:tiny", "binary" },
        { "train {0}/invalid.txt --model scratch:tiny", "offset 7" },
        { "train {0}/text.txt --model nowhere/at/all", "There is no model 'nowhere/at/all'" },
        { "train {0}/text.txt --model nosuch", "There is no model 'nosuch'" },
        { "submit {0}/text.txt --model nosuch", "There is no model 'nosuch'" },
        { "eval {0}/text.txt --model nosuch", "There is no model 'nosuch'" },
        { "generate --model nosuch", "There is no model 'nosuch'" },
        { "train {0}/text.txt --model {0}/missing-tensor", "h.0.ln_1.bias" },
        { "train {0}/text.txt --model {0}/misshapen-tensor", "wpe.weight" },
        { "train {0}/text.txt --model {0}/truncated", "model.safetensors" },
        { "generate --model {0}/missing-tensor", "h.0.ln_1.bias" },
        { "model import {0}/misshapen-tensor", "wpe.weight" },
        { "model import {0}/truncated --name mine", "model.safetensors" },
        { "train {0}/text.txt --model scratch:huge", "scratch:tiny" },
        { "train {0}/text.txt --model {0}/folder", "config.json" },
        { "train {0}/text.txt --model scratch:tiny --run a/b", "The run's name 'a/b' contains '/'" },
        { "train {0}/text.txt --model scratch:tiny --sequence-length 129", "--sequence-length 129 is beyond" },
        { "train {0}/text.txt --model scratch:tiny --steps 0", "--steps must be 1 or more" },
        { "train {0}/text.txt --model scratch:tiny --sample-length 128", "--sample-length 128" },
        { "train {0}/text.txt --model scratch:tiny --val-split 1", "--val-split" },
        { "train {0}/text.txt --model scratch:tiny --val-dataset {0}/missing.txt", "There is no file or folder" },
        { "train {0}/text.txt --dataset {0}/text.txt", "named twice" },
        { "submit --model scratch:tiny", "The dataset is missing" },
        { "train {0}/text.txt --silos 0", "--silos" },
        { "train {0}/text.txt --cluster nonsense", "--cluster" },
        { "eval {0}/text.txt", "--model" },
        { "generate --model gpt2 --run r", "either --model M or --run R" },
        { "generate --model gpt2 --prompt-file {0}/missing.txt", "--prompt-file" },
        { "generate --model gpt2 --top-p 2", "--top-p" },
    };

    public static TheoryData<string, string> BadGeneration => new()
    {
        { "generate --model gpt2 --checkpoint best", "--checkpoint goes with a run" },
        { "watch a/b", "The run's name 'a/b'" },
        { "generate --model gpt2 --length 0", "--length" },
        { "generate --model gpt2 --interactive --prompt sea", "--interactive" },
        { "generate --model gpt2 --prompt -sea", "--prompt='-sea'" },
        { "generate --model gpt2 --prompt sea --prefix sea", "--prompt" },
        { "generate --model gpt2 --prompt sea --prompt-file {0}/text.txt", "given twice" },
        { "generate --model gpt2 --prompt-file {0}/invalid.txt", "--prompt-file" },
        { "generate --model gpt2 --repetition-penalty 0", "--repetition-penalty takes a number above 0" },
        { "generate --model gpt2 --no-repeat-ngram -1", "--no-repeat-ngram" },
        { "generate --model gpt2 --min-length 9 --length 8", "--min-length 9 is beyond --length 8" },
        { "generate --model gpt2 --stop ", "--stop takes a value that is not empty" },
        { "generate --model gpt2 --include-prefix maybe", "--include-prefix takes yes or no" },
        { "generate --model gpt2 --out {0}/text.txt", "already" },
        { "generate --model gpt2 --out {0}/none/text.txt", "There is no folder" },
        { "generate --model gpt2 --interactive --out {0}/out.txt", "--out does not go with it" },
        { "train {0}/text.txt --model scratch:tiny --sample-repetition-penalty 0", "--sample-repetition-penalty" },
        { "train {0}/text.txt --model scratch:tiny --sample-min-length 101 --sample-length 9", "--sample-min-length" },
        { "train {0}/text.txt --model scratch:tiny --sample-stop ", "--sample-stop takes" },
        { "train {0}/text.txt --model scratch:tiny --sample-prompt-file {0}/none.txt", "--sample-prompt-file" },
    };

    public static TheoryData<string, string> OtherBadInput => new()
    {
        { "samples run1 --last 0", "--last" },
        { "workers --silos 2 --cluster 127.0.0.1:1", "--silos is for the local cluster" },
        { "train  --model scratch:tiny", "The dataset is an empty word" },
        { "inspect ", "The dataset is an empty word" },
        { "inspect {0}/text.txt --micro-batches 4", "--micro-batches needs --model M or --cluster C" },
        { "inspect {0}/text.txt --model scratch:none", "There is no preset" },
        { "inspect {0}/text.txt --model scratch:tiny --sequence-length 129", "--sequence-length" },
        { "encode  {0}/out.npz", "two names" },
        { "train {0}/text.txt --model scratch:tiny --sample-prompt {1}", "--sample-prompt has 256 tokens" },
        { "encode {0}/missing.txt {0}/out.npz", "There is no file or folder" },
        { "encode {0}/text.txt {0}/none/out.npz", "There is no folder" },
        { "inspect {0}/empty.txt", "is empty" },
        { "model pull gpt5", "'gpt5' is none of the models" },
        { "model import {0}/folder", "config.json" },
        { "bench step --steps 2", "--steps" },
        { "bench step --model gpt2", "scratch:" },
        { "stop --cluster 127.0.0.1:1", "local cluster only" },
    };

    public static TheoryData<string, string> BadMixtures => new()
    {
        { "train {0}/text.txt --mix {0}/text.txt=1 --model scratch:tiny", "--mix stands in place of the dataset" },
        { "submit --dataset {0}/text.txt --mix {0}/text.txt=1", "--mix stands in place of the dataset" },
        { "train --mix {0}/text.txt=1,{0}/./text.txt=2 --model scratch:tiny", "names {0}/./text.txt twice" },
        { "train --mix {0}/text.txt=1,{0}/missing.txt=2 --model scratch:tiny", "There is no file or folder" },
        { "train --mix {0}/text.txt=1,{0}/empty.txt=2 --model scratch:tiny", "is empty" },
        { "train --mix {0}/text.txt=0 --model scratch:tiny", "--mix takes a number above 0" },
        { "train --mix {0}/text.txt=1 --mix {0}/invalid.txt=NaN", "--mix takes a number above 0" },
        { "train --mix {0}/text.txt=1000000,{0}/invalid.txt=0.5", "give them with fewer digits" },
        { "train --mix {0}/text.txt --model scratch:tiny", "gives no number" },
        { "inspect --mix {0}/text.txt=1,{0}/text.txt=1", "twice" },
        { "inspect {0}/text.txt --mix {0}/text.txt=1", "--mix stands in place of the dataset" },
        { "inspect {0}/text.txt --steps 4", "--steps needs --mix" },
        { "inspect --mix {0}/text.txt=1 --batch-size auto", "takes a number for --batch-size" },
        { "inspect --mix {0}/text.txt=1 --micro-batches 0", "--micro-batches" },
        { "encode --mix {0}/text.txt=1 {0}/out.npz", "'--mix' is not an option of 'encode'" },
        { "inspect", "The dataset is missing" },
    };

    [Theory]
    [MemberData(nameof(BadInput))]
    [MemberData(nameof(BadGeneration))]
    [MemberData(nameof(OtherBadInput))]
    [MemberData(nameof(BadRemovals))]
    [MemberData(nameof(BadMixtures))]
    public async Task Bad_input_gets_one_sentence_and_changes_nothing(string typed, string part)
    {
        WriteInputs();
        var data = scratch.File("data");
        var said = new Said();
        string[] words =
        [
            .. typed.Split(' ').Select(word => word.Replace("{0}", scratch.Path).Replace("{1}", LongPrompt)),
            "--data", data,
        ];

        var code = await Run(said, words);

        Assert.Equal(ExitCodes.BadInput, code);
        AssertOneSentence(said, part.Replace("{0}", scratch.Path));
        Assert.False(Directory.Exists(data), "something was written");
    }

    [Theory]
    [InlineData("train", "--steps 0", "--steps must be 1 or more, not 0.")]
    [InlineData("submit", "--dropout 1.5", "--dropout must be 0 or more and below 1, not 1.5.")]
    [InlineData("train", "--val-split 1", "--val-split must be 0 or more and below 1, not 1.")]
    [InlineData("train", "--pause-at 0", "--pause-at must be 1 or more, not 0.")]
    [InlineData("train", "--sequence-length 129", "--sequence-length 129 is beyond the context of 128 tokens of "
        + "scratch:tiny; choose 128 or less.")]
    [InlineData("train", "--precision int8", "--precision takes bf16 or fp32, not 'int8'.")]
    [InlineData("train", "--steps x", "--steps takes a whole number that is 0 or more, not 'x'.")]
    public async Task A_value_out_of_range_names_the_help_page(string command, string option, string sentence)
    {
        WriteInputs();
        var said = new Said();
        string[] words =
        [
            command, scratch.File("text.txt"), "--model", "scratch:tiny", .. option.Split(' '),
            "--data", scratch.File("data"),
        ];
        Assert.Equal(ExitCodes.BadInput, await Run(said, words));
        Assert.Equal([sentence, $"Try 'gpt2cluster {command} --help'."], said.Remarks.TrimEnd('\n').Split('\n'));
    }

    [Theory]
    [InlineData("scratch:tiny")]
    [InlineData("gpt2")]
    [InlineData("{0}/sound")]
    public async Task A_disk_without_room_for_the_checkpoints_is_told_before_anything_is_written(string model)
    {
        WriteInputs();
        var data = scratch.File("data");
        var said = new Said();
        string[] words =
            ["train", scratch.File("text.txt"), "--model", model.Replace("{0}", scratch.Path), "--data", data];

        var code = await Run(said, words, freeDiskBytes: _ => 1000);

        Assert.Equal(ExitCodes.BadInput, code);
        AssertOneSentence(said, "(--keep 3, and one being written)");
        Assert.False(Directory.Exists(data), "something was written");
    }

    [Fact]
    public async Task Nobody_at_the_address_is_exit_code_3_within_10_seconds()
    {
        var said = new Said(isJson: true);
        var began = TimeProvider.System.GetTimestamp();
        var code = await Run(said, ["runs", "--cluster", "127.0.0.1:1", "--json"]);
        Assert.Equal(ExitCodes.Unreachable, code);
        Assert.StartsWith(
            "{\"event\":\"error\",\"message\":\"The cluster at 127.0.0.1:1/gpt2cluster",
            said.Results,
            StringComparison.Ordinal);
        Assert.InRange(TimeProvider.System.GetElapsedTime(began), TimeSpan.Zero, TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task Encode_says_what_it_wrote()
    {
        var text = scratch.File("text.txt", "The sea, the sea.");
        var said = new Said(isJson: true);
        var code = await Run(said, ["encode", text, scratch.File("out.npz"), "--json"]);
        Assert.Equal(ExitCodes.Done, code);
        Assert.StartsWith(
            "{\"tokens\":6,\"documents\":1,\"sha256_of_uint16_little_endian\":\"",
            said.Results,
            StringComparison.Ordinal);
        Assert.True(File.Exists(scratch.File("out.npz")));
    }

    [Fact]
    public async Task Inspect_says_what_each_dataset_of_a_mixture_holds_and_how_often_a_run_goes_through_it()
    {
        var (a, b) = (scratch.File("a.txt"), scratch.File("b.txt"));
        await File.WriteAllTextAsync(a, string.Concat(Enumerable.Repeat("sea,", 500)));
        await File.WriteAllTextAsync(b, "One,\n<|endoftext|>\ntwo," + string.Concat(Enumerable.Repeat(" sea", 40)));
        var said = new Said(isJson: true);
        var code = await Run(said,
        [
            "inspect", "--mix", $"{a}=0.75", "--mix", $"{b}=.25", "--steps", "30", "--batch-size", "2",
            "--micro-batches", "3", "--sequence-length", "16", "--json",
        ]);
        Assert.True(code == ExitCodes.Done, said.Remarks);
        var found = JsonNode.Parse(said.Results)!;
        Assert.Equal("1000, 46", string.Join(", ", found["mix"]!.AsArray().Select(each => $"{each!["tokens"]}")));
        Assert.Equal("1, 2", string.Join(", ", found["mix"]!.AsArray().Select(each => $"{each!["documents"]}")));
        Assert.Equal(1046, found["tokens"]!.GetValue<long>());
        var tiny = found["models"]![0]!;
        Assert.Equal("scratch:tiny", tiny["model"]!.GetValue<string>());

        // Of the first 950 tokens of 1,000 train, of 46 all: 60 and 3 windows. Of 180 slots 135 and 45 are theirs.
        Assert.Equal("60, 3", string.Join(", ", tiny["mix"]!.AsArray().Select(each => $"{each!["windows"]}")));
        Assert.Equal(
            [135 / 60.0, 45 / 3.0], tiny["mix"]!.AsArray().Select(each => each!["epochs"]!.GetValue<double>()));
    }

    [Fact]
    public async Task A_data_folder_that_may_not_be_written_is_bad_input()
    {
        // A folder in the place of a file is refused as a file of somebody else's is, to root as well.
        Directory.CreateDirectory(scratch.File("data/cluster-start.lock"));
        var said = new Said();
        var code = await Run(said, ["runs", "--data", scratch.File("data")]);
        Assert.Equal(ExitCodes.BadInput, code);
        AssertOneSentence(said, "cluster-start.lock' is denied. Name another place");
    }

    [Theory]
    [InlineData("inspect {0}", ExitCodes.Failed)]
    [InlineData("inspect {0} --verbose", ExitCodes.Failed)]
    [InlineData("inspect {0} --json", ExitCodes.Failed)]
    [InlineData("inspect {0}-missing", ExitCodes.BadInput)]
    [InlineData("inspect {0}-missing --json", ExitCodes.Failed)]
    [InlineData("nonsense", ExitCodes.BadInput)]
    public async Task Full_outputs_are_an_exit_code_and_no_crash(string typed, int expected)
    {
        var text = scratch.File("text.txt", "The sea, the sea.");
        string[] words = [.. typed.Split(' ').Select(word => word.Replace("{0}", text))];
        using var full = new FullWriter();
        var output = new ClientOutput(full, full)
        {
            IsJson = words.Contains("--json"),
            IsVerbose = words.Contains("--verbose"),
        };
        var code = await ClientApplication.Run(
            words, output, TimeProvider.System, _ => long.MaxValue, CancellationToken.None);
        Assert.Equal(expected, code);
    }

    public void Dispose() => scratch.Dispose();

    private static Task<int> Run(Said said, string[] words, Func<string, long>? freeDiskBytes = null) =>
        ClientApplication.Run(
            words, said.Output, TimeProvider.System, freeDiskBytes ?? (_ => long.MaxValue), CancellationToken.None);

    /// <summary>One sentence, and behind a usage error the line that names --help.</summary>
    private static void AssertOneSentence(Said said, string part)
    {
        var lines = said.Remarks.TrimEnd('\n').Split('\n')
            .Where(line => !line.StartsWith("reading", StringComparison.Ordinal)).ToList();
        Assert.Contains(part, lines[0], StringComparison.OrdinalIgnoreCase);
        Assert.EndsWith(".", lines[0], StringComparison.Ordinal);
        Assert.All(lines[1..], line => Assert.StartsWith("Try 'gpt2cluster ", line, StringComparison.Ordinal));
        Assert.InRange(lines.Count, 1, 2);
        Assert.Equal("", said.Results);
    }

    private void WriteInputs()
    {
        scratch.File("text.txt", "The sea, the sea.");
        scratch.File("empty.txt", "");
        scratch.File("binary.txt", [0x7F, 0x45, 0x4C, 0x46, 0, 0, 0, 1, 2, 3, 0, 0]);
        scratch.File("invalid.txt", [.. "The sea"u8, 0xFF, .. " and more"u8]);
        Directory.CreateDirectory(scratch.File("folder"));
        TinyModel.Write(scratch.File("sound"));
        TinyModel.Write(scratch.File("missing-tensor"), ("h.0.ln_1.bias", "h.0.ln_1.bios"));
        TinyModel.Write(scratch.File("misshapen-tensor"), ("[8,4]", "[4,8]"));
        TinyModel.Truncate(TinyModel.Write(scratch.File("truncated")));
    }

    /// <summary>A stream on a full disk.</summary>
    private sealed class FullWriter : TextWriter
    {
        public override Encoding Encoding => Encoding.UTF8;

        public override void Write(char value) => throw new IOException("No space left on device");
    }
}

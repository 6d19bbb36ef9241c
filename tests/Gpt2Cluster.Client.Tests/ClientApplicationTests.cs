namespace Gpt2Cluster.Client.Tests;

/// <summary>Bad input that this machine can tell: one clear sentence, exit code 2, and no cluster is started.</summary>
public sealed class ClientApplicationTests : IDisposable
{
    private readonly Scratch scratch = new();

    public static TheoryData<string, string> BadInput => new()
    {
        { "train {0}/missing.txt --model scratch:tiny", "There is no file or folder" },
        { "train {0}/empty.txt --model scratch:tiny", "is empty" },
        { "train {0}/binary.txt --model scratch:tiny", "binary" },
        { "train {0}/invalid.txt --model scratch:tiny", "offset 7" },
        { "train {0}/text.txt --model nowhere/at/all", "There is no model 'nowhere/at/all'" },
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
        { "generate --model gpt2 --checkpoint best", "--checkpoint goes with a run" },
        { "watch a/b", "The run's name 'a/b'" },
        { "encode {0}/missing.txt {0}/out.npz", "There is no file or folder" },
        { "encode {0}/text.txt {0}/none/out.npz", "There is no folder" },
        { "inspect {0}/empty.txt", "is empty" },
        { "model pull gpt5", "'gpt5' is none of the models" },
        { "model import {0}/folder", "config.json" },
        { "bench step --steps 2", "--steps" },
        { "bench step --model gpt2", "scratch:" },
        { "stop --cluster 127.0.0.1:1", "local cluster only" },
    };

    [Theory]
    [MemberData(nameof(BadInput))]
    public async Task Bad_input_gets_one_sentence_and_changes_nothing(string typed, string part)
    {
        scratch.File("text.txt", "The sea, the sea.");
        scratch.File("empty.txt", "");
        scratch.File("binary.txt", [0x7F, 0x45, 0x4C, 0x46, 0, 0, 0, 1, 2, 3, 0, 0]);
        scratch.File("invalid.txt", [.. "The sea"u8, 0xFF, .. " and more"u8]);
        Directory.CreateDirectory(scratch.File("folder"));
        var data = scratch.File("data");
        var said = new Said();
        string[] words = [.. typed.Split(' ').Select(word => word.Replace("{0}", scratch.Path)), "--data", data];

        var code = await ClientApplication.Run(words, said.Output, TimeProvider.System, CancellationToken.None);

        Assert.Equal(ExitCodes.BadInput, code);
        var sentence = said.Remarks.Split('\n').First(line => !line.StartsWith("reading", StringComparison.Ordinal));
        Assert.Contains(part, sentence, StringComparison.OrdinalIgnoreCase);
        Assert.EndsWith(".", sentence, StringComparison.Ordinal);
        Assert.Equal("", said.Results);
        Assert.False(Directory.Exists(Path.Combine(data, "silos", "silo1")), "a silo was started");
    }

    [Fact]
    public async Task Nobody_at_the_address_is_exit_code_3_within_10_seconds()
    {
        var said = new Said(isJson: true);
        var began = TimeProvider.System.GetTimestamp();
        var code = await ClientApplication.Run(
            ["runs", "--cluster", "127.0.0.1:1", "--json"], said.Output, TimeProvider.System, CancellationToken.None);
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
        var code = await ClientApplication.Run(
            ["encode", text, scratch.File("out.npz"), "--json"],
            said.Output,
            TimeProvider.System,
            CancellationToken.None);
        Assert.Equal(ExitCodes.Done, code);
        Assert.StartsWith(
            "{\"tokens\":6,\"documents\":1,\"sha256_of_uint16_little_endian\":\"",
            said.Results,
            StringComparison.Ordinal);
        Assert.True(File.Exists(scratch.File("out.npz")));
    }

    public void Dispose() => scratch.Dispose();
}

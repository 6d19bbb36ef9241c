using System.CommandLine;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Training;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Client.Tests.Training;

public sealed class ConfigurationOfRunTests : IDisposable
{
    private static readonly Dictionary<string, string> NoPaths = [];

    private readonly Scratch scratch = new();

    public void Dispose() => scratch.Dispose();

    [Theory]
    [InlineData("--model", "scratch:tiny")]
    [InlineData("--model", "scratch:tiny", "--steps", "77", "--batch-size", "3", "--schedule", "linear", "--seed", "9")]
    [InlineData("--model", "scratch:gpt2", "--train", "lora:4", "--lora-targets", "c_attn,mlp.c_proj", "--recompute")]
    [InlineData("--model", "scratch:tiny", "--workers", "2..all", "--threads-per-worker", "1", "--exact", "off")]
    [InlineData("--model", "scratch:tiny", "--workers", "2..3", "--on-nan", "skip", "--optimizer", "sgd")]
    [InlineData("--model", "scratch:tiny", "--sample-prompt", "# 'a': \"b\"\n\tc", "--temperature", "0.7")]
    [InlineData("--model", "scratch:tiny", "--sample-prompt", "a", "--sample-prompt", "b, c", "--sample-stop", "x")]
    [InlineData("--model", "scratch:tiny", "--sample-stop", "x", "--sample-stop", "- y", "--sample-ignore-end-of-text")]
    [InlineData("--model", "scratch:tiny", "--license", "CC BY: 4.0", "--author", "A 'B'")]
    [InlineData("--model", "scratch:tiny", "--sample-include-prefix", "no", "--sample-repetition-penalty", "1.2")]
    [InlineData("--model", "scratch:tiny", "--val-split", "0.123456", "--dropout", "0.1", "--learning-rate", "3.3e-5")]
    public void The_file_gives_the_same_run(params string[] options)
    {
        var run = Build([.. options]);
        var path = scratch.File("run.yaml");
        File.WriteAllText(path, ConfigurationOfRun.Of(run, NoPaths));
        var again = Build("--config", path);
        Assert.Equal(SpecificationJson.Write(run), SpecificationJson.Write(again));
    }

    [Fact]
    public void The_file_says_what_else_it_needs()
    {
        var run = Build("--model", "scratch:tiny");
        var text = ConfigurationOfRun.Of(run with
        {
            Dataset = run.Dataset with { Sha256 = "abc", ValidationSha256 = "def" },
        }, NoPaths);
        Assert.StartsWith("# The options of the run run1, whose dataset has the hash abc:", text);
        Assert.Contains("# It needs --val-dataset, of the hash def.", text, StringComparison.Ordinal);
        Assert.DoesNotContain("val-split", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--model", "scratch:tiny")]
    [InlineData("--model", "scratch:tiny", "--val-split", "0.1234567")]
    [InlineData("--model", "scratch:tiny", "--val-split", "0")]
    [InlineData("--model", "scratch:tiny", "--sequence-length", "7")]
    public void The_file_of_a_mixture_gives_the_same_mixture(params string[] options)
    {
        var run = Build([], ["--mix", "a.txt=0.6,\"b, c=2.txt\"=0.3", "--mix", "d=e.txt=.1", .. options]);
        Assert.Equal([6L, 3L, 1L], run.Dataset.Mix!.Select(source => source.Weight));
        var paths = new Dictionary<string, string> { ["a.txt"] = "a.txt", ["b, c=2.txt"] = "b, c=2.txt" };
        var path = scratch.File("run.yaml");
        var text = ConfigurationOfRun.Of(run, paths);
        File.WriteAllText(path, text);
        Assert.Equal(SpecificationJson.Write(run), SpecificationJson.Write(Build([], "--config", path)));
        Assert.Contains("#   a.txt\n#   b, c=2.txt\n", text, StringComparison.Ordinal);
    }

    private static RunSpecification Build(params string[] options) => Build(["x.txt"], options);

    /// <summary>Hashes of datasets are their paths here.</summary>
    private static RunSpecification Build(string[] dataset, params string[] options)
    {
        var tree = new CommandTree();
        string[] words = ["train", .. dataset, .. options];
        words = ConfigurationFile.Expanded(words, tree.Root.Parse(words));
        var training = new TrainingOptions();
        var command = new Command("train") { new DatasetArgument(isOptional: true) };
        foreach (var option in training.All)
            command.Options.Add(option);
        var arguments = command.Parse(words[1..]);
        var builder = new SpecificationBuilder(training, arguments);
        var preset = Presets.Scratch(builder.Model);
        var named = arguments.GetValue(training.Mix) is { Length: > 0 } mix ? NamedDataset.OfMix(mix) : [new("", 1)];
        var lengths = new[] { 1_000_003, 77_777, 1_234 };
        return builder.Build(
            new ModelReference(builder.Model, preset.Shape),
            [.. named.Zip(lengths, (one, tokens) => new SourceTokens(one.Path, one.Weight, new(one.Path, tokens)))],
            validation: null,
            []);
    }
}

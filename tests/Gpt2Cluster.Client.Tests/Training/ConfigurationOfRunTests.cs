using System.CommandLine;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Training;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Client.Tests.Training;

public sealed class ConfigurationOfRunTests : IDisposable
{
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
        File.WriteAllText(path, ConfigurationOfRun.Of(run));
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
        });
        Assert.StartsWith("# The options of the run run1, whose dataset has the hash abc:", text);
        Assert.Contains("# It needs --val-dataset, of the hash def.", text, StringComparison.Ordinal);
        Assert.DoesNotContain("val-split", text, StringComparison.Ordinal);
    }

    private static RunSpecification Build(params string[] options)
    {
        var tree = new CommandTree();
        string[] words = ["train", "x.txt", .. options];
        words = ConfigurationFile.Expanded(words, tree.Root.Parse(words));
        var training = new TrainingOptions();
        var command = new Command("train") { new Argument<string>("DATASET") };
        foreach (var option in training.All)
            command.Options.Add(option);
        var builder = new SpecificationBuilder(training, command.Parse(words[1..]));
        var preset = Presets.Scratch(builder.Model);
        return builder.Build(
            new ModelReference(builder.Model, preset.Shape), new TokenCounts("", 1_000_003), validation: null, []);
    }
}

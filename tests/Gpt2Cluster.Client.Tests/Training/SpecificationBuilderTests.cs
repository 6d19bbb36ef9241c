using System.CommandLine;
using Gpt2Cluster.Client.Training;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Client.Tests.Training;

public sealed class SpecificationBuilderTests
{
    private const long LongCorpus = 1_000_000;

    private static readonly TrainingOptions Options = new();

    [Fact]
    public void Fine_tuning_has_the_defaults_of_the_contract()
    {
        var run = Build("gpt2");
        Assert.Equal("run1", run.Run.ToString());
        Assert.Equal((1000, 2, 8, 1024), (run.Steps, run.BatchSize, run.MicroBatchCount, run.SequenceLength));
        Assert.Equal(new LearningRateSchedule(ScheduleKind.Cosine, 5e-5, 50), run.Schedule);
        Assert.Equal(new OptimizerOptions(OptimizerKind.AdamW, 0.9, 0.999, 1e-8, 0.01, 1.0), run.Optimizer);
        Assert.Equal((0.0, 0.0, TrainableParameters.All), (run.Dropout, run.Noise, run.Trainable));
        Assert.Equal((null, false, null), (run.Precision, run.Recompute, run.ThreadsPerWorker));
        Assert.Equal((true, NanPolicy.Stop, new WorkerRange(1, null)), (run.Exact, run.OnNan, run.Workers));
        Assert.Equal((100, 1, 200), (run.Sampling.Every, run.Sampling.Count, run.Sampling.Length));
        Assert.Equal("", run.Sampling.Prompt);
        Assert.Equal((40, 0.0, 1.0), (run.Sampling.TopK, run.Sampling.TopP, run.Sampling.Temperature));
        Assert.Equal((200, 3, 100, 0, 1UL), (run.SaveEvery, run.Keep, run.ValidateEvery, run.EarlyStop, run.Seed));
        Assert.Equal((950_000, 50_000), (run.Dataset.TrainingTokenCount, run.Dataset.ValidationTokenCount));
    }

    [Fact]
    public void A_scratch_preset_carries_its_own_defaults()
    {
        var (run, own) = (Build("scratch:tiny"), Presets.Scratch("scratch:tiny").ScratchDefaults);
        Assert.Equal((own.Steps, own.BatchSize, own.MicroBatchCount), (run.Steps, run.BatchSize, run.MicroBatchCount));
        Assert.Equal((own.LearningRate, own.WarmupSteps), (run.Schedule.Peak, run.Schedule.WarmupSteps));
        Assert.Equal((own.SampleEvery, own.SampleLength), (run.Sampling.Every, run.Sampling.Length));
        Assert.Equal((own.SaveEvery, own.ValidateEvery), (run.SaveEvery, run.ValidateEvery));
    }

    [Fact]
    public void Other_steps_have_another_warm_up()
    {
        var run = Build("gpt2", "--steps", "70");
        Assert.Equal((70, 4), (run.Steps, run.Schedule.WarmupSteps));
    }

    [Fact]
    public void A_presets_warm_up_gives_way_to_other_steps() =>
        Assert.Equal(1, Build("scratch:tiny", "--steps", "20").Schedule.WarmupSteps);

    [Theory]
    [InlineData("batch_size", "--batch-size", "7")]
    [InlineData("micro_batch_count", "--micro-batches", "7")]
    [InlineData("sequence_length", "--sequence-length", "7")]
    [InlineData("schedule.peak", "--learning-rate", "7")]
    [InlineData("schedule.kind", "--schedule", "linear")]
    [InlineData("schedule.kind", "--schedule", "constant")]
    [InlineData("schedule.warmup_steps", "--warmup", "7")]
    [InlineData("optimizer.weight_decay", "--weight-decay", "7")]
    [InlineData("optimizer.beta1", "--beta1", "0.7")]
    [InlineData("optimizer.beta2", "--beta2", "0.7")]
    [InlineData("optimizer.epsilon", "--epsilon", "7")]
    [InlineData("optimizer.clip_norm", "--clip-norm", "0")]
    [InlineData("optimizer.kind", "--optimizer", "sgd")]
    [InlineData("dropout", "--dropout", "0.7")]
    [InlineData("noise", "--noise", "0.7")]
    [InlineData("trainable", "--train", "transformer-layers")]
    [InlineData("precision", "--precision", "bf16")]
    [InlineData("precision", "--precision", "fp32")]
    [InlineData("recompute", "--recompute")]
    [InlineData("threads_per_worker", "--threads-per-worker", "7")]
    [InlineData("exact", "--exact", "off")]
    [InlineData("on_nan", "--on-nan", "skip")]
    [InlineData("sampling.every", "--sample-every", "0")]
    [InlineData("sampling.count", "--sample-num", "7")]
    [InlineData("sampling.length", "--sample-length", "7")]
    [InlineData("sampling.top_k", "--top-k", "7")]
    [InlineData("sampling.top_p", "--top-p", "0.7")]
    [InlineData("sampling.temperature", "--temperature", "0")]
    [InlineData("sampling.temperature", "--sample-temperature", "0")]
    [InlineData("sampling.top_k", "--sample-top-k", "7")]
    [InlineData("sampling.top_p", "--sample-top-p", "0.7")]
    [InlineData("sampling.repetition_penalty", "--sample-repetition-penalty", "1.2")]
    [InlineData("sampling.no_repeat_ngram", "--sample-no-repeat-ngram", "3")]
    [InlineData("sampling.min_length", "--sample-min-length", "7")]
    [InlineData("sampling.stops", "--sample-stop", "x")]
    [InlineData("sampling.stops", "--sample-truncate", "x")]
    [InlineData("sampling.ignore_end_of_text", "--sample-ignore-end-of-text")]
    [InlineData("sampling.include_prompt", "--sample-include-prefix", "no")]
    [InlineData("sampling.more_prompts", "--sample-prompt", "", "--sample-prompt", "")]
    [InlineData("save_every", "--save-every", "7")]
    [InlineData("keep", "--keep", "7")]
    [InlineData("validate_every", "--val-every", "7")]
    [InlineData("early_stop", "--early-stop", "7")]
    [InlineData("seed", "--seed", "7")]
    public void An_option_changes_the_leaf_it_names_and_no_other(string leaf, params string[] words)
    {
        var before = SpecificationJson.Leaves(Build("gpt2"));
        var after = SpecificationJson.Leaves(Build("gpt2", words));
        Assert.Equal([leaf], after.Keys.Where(key => after[key] != before.GetValueOrDefault(key)));
    }

    [Fact]
    public void A_prompt_is_tokenised_and_leaves_room_for_the_sample()
    {
        var run = Build("scratch:tiny", "--sample-prompt", string.Concat(Enumerable.Repeat(" a", 60)));
        Assert.Equal(60, run.Sampling.PromptTokens.Count);
        Assert.Equal(68, run.Sampling.Length);
    }

    [Fact]
    public void Prompts_are_several_and_hold_the_end_of_text_as_one_token()
    {
        var run = Build("gpt2", "--sample-prompt", "The<|endoftext|> sea", "--sample-prefix", "", "--sample-num", "3");
        Assert.Equal([464, 50256, 5417], run.Sampling.PromptTokens);
        Assert.Equal([50256], Assert.Single(run.Sampling.MorePrompts).Tokens);
        Assert.Equal(6, run.Sampling.TotalCount);
    }

    [Fact]
    public void A_corpus_shorter_than_a_window_lowers_it_with_a_warning()
    {
        var warnings = new List<string>();
        var run = Builder("gpt2").Build(Model("gpt2"), [Source("h", 101)], null, warnings);
        Assert.Equal(100, run.SequenceLength);
        Assert.Equal((101, 0), (run.Dataset.TrainingTokenCount, run.Dataset.ValidationTokenCount));
        Assert.Contains("lowered to 100", Assert.Single(warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void A_validation_dataset_turns_the_split_off()
    {
        var run = Builder("gpt2").Build(Model("gpt2"), [Source("h", LongCorpus)], new("v", 500), []);
        Assert.Equal(new DatasetReference("h", LongCorpus, 500, "v"), run.Dataset);
    }

    [Fact]
    public void Each_dataset_of_a_mixture_gives_its_own_part_to_validation()
    {
        var warnings = new List<string>();
        var run = Mixed(warnings, null, Source("a", LongCorpus, 3), Source("b", 5000, 1));
        Assert.Empty(warnings);
        Assert.Equal(1024, run.SequenceLength);

        // The second has 5 windows, too few to give any.
        Assert.Equal(
            [new MixedDataset("a", 3, 950_000, 50_000), new MixedDataset("b", 1, 5000)], run.Dataset.Mix!);
        Assert.Equal((955_000, 50_000), (run.Dataset.TrainingTokenCount, run.Dataset.ValidationTokenCount));
        Assert.Equal(DatasetReference.HashOf(run.Dataset.Mix!), run.Dataset.Sha256);
        Assert.Empty(SpecificationCheck.Errors(run));
    }

    [Fact]
    public void The_shortest_dataset_of_a_mixture_lowers_the_windows_of_all_with_a_warning()
    {
        var warnings = new List<string>();
        var run = Mixed(warnings, null, Source("a", LongCorpus, 3), Source("b", 101, 1));
        Assert.Equal(100, run.SequenceLength);
        Assert.Equal(
            "b.txt has 101 training tokens, fewer than a window of 1024 and its last target need; "
            + "--sequence-length is lowered to 100.",
            Assert.Single(warnings));
        Assert.Equal([9500L, 1L], run.TrainingWindows().Select(windows => windows.WindowCount));
        Assert.Empty(SpecificationCheck.Errors(run));
    }

    [Fact]
    public void A_validation_dataset_turns_the_split_of_all_datasets_off()
    {
        var run = Mixed([], new("v", 500), Source("a", LongCorpus, 3), Source("b", 5000, 1));
        Assert.Equal([new MixedDataset("a", 3, LongCorpus), new MixedDataset("b", 1, 5000)], run.Dataset.Mix!);
        Assert.Equal((500, "v"), (run.Dataset.ValidationTokenCount, run.Dataset.ValidationSha256));
        Assert.Empty(SpecificationCheck.Errors(run));
    }

    [Fact]
    public void A_dataset_that_is_too_short_to_be_split_is_named()
    {
        var builder = Builder("gpt2", "--val-split", "0.01");
        var problem = Assert.Throws<UserErrorException>(() => builder.Build(
            Model("gpt2"), [Source("a", LongCorpus), Source("b", 50)], null, []));
        Assert.StartsWith("b.txt: --val-split 0.01 of 50 tokens", problem.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(0)]
    public void A_dataset_without_a_second_token_is_bad_input(long tokens) => Assert.Contains(
        "at least 2",
        Assert.Throws<UserErrorException>(() => Mixed([], null, Source("a", 100), Source("b", tokens))).Message);

    [Fact]
    public void All_that_is_wrong_is_said_at_once()
    {
        var errors = Builder("gpt2", "--steps", "0", "--top-p", "2", "--pause-at", "0").Errors(Model("gpt2"));
        Assert.Equal(3, errors.Count);
        Assert.Contains(errors, error => error.Contains("--steps", StringComparison.Ordinal));
        Assert.Contains(errors, error => error.Contains("--top-p", StringComparison.Ordinal));
        Assert.Contains(errors, error => error.Contains("--pause-at", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("a/b")]
    [InlineData(".hidden")]
    public void A_runs_name_is_a_file_name(string name) =>
        Assert.Throws<UserErrorException>(() => Builder("gpt2", "--run=" + name));

    private static RunSpecification Build(string model, params string[] words) =>
        Builder(model, words).Build(Model(model), [Source("h", LongCorpus)], null, []);

    private static RunSpecification Mixed(
        List<string> warnings, TokenCounts? validation, params SourceTokens[] sources) =>
        Builder("gpt2").Build(Model("gpt2"), sources, validation, warnings);

    private static SourceTokens Source(string hash, long tokens, long weight = 1) =>
        new($"{hash}.txt", weight, new TokenCounts(hash, tokens));

    private static ModelReference Model(string name) => new(name, Presets.Find(name)!.Shape);

    private static SpecificationBuilder Builder(string model, params string[] words)
    {
        var command = new Command("train");
        foreach (var option in Options.All)
            command.Options.Add(option);
        return new SpecificationBuilder(Options, command.Parse(["--model", model, .. words]));
    }
}

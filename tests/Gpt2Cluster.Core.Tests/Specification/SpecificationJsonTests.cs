using System.Text.Json.Nodes;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Tests.Specification;

public sealed class SpecificationJsonTests
{
    [Fact]
    public void What_is_written_is_read()
    {
        var specification = Specifications.Sound with
        {
            Schedule = new LearningRateSchedule(ScheduleKind.Linear, 0.1 + 0.2, 7),
            Seed = ulong.MaxValue,
            Workers = new WorkerRange(2, 5),
            OnNan = NanPolicy.Skip,
            Sampling = new SamplingOptions
            {
                Prompt = "Ω \"quoted\"\n",
                PromptTokens = [1, 2, 3],
                MorePrompts = [new("two", [4])],
                Stops = ["\n"],
            },
        };
        var json = SpecificationJson.Write(specification);
        Assert.DoesNotContain('\n', json);
        Assert.Equal(SpecificationJson.Leaves(specification), SpecificationJson.Leaves(SpecificationJson.Read(json)));
        Assert.Equal(0.1 + 0.2, SpecificationJson.Read(json).Schedule.Peak);
    }

    /// <summary>
    /// Written by the version before there were mixtures: a run of one dataset is stored, and told, as it was.
    /// </summary>
    [Fact]
    public void A_run_of_one_dataset_is_written_as_before_there_were_mixtures()
    {
        var dataset = "\"dataset\":{\"sha256\":\"" + new string('a', 64) + "\",\"training_token_count\":10000,"
            + "\"validation_token_count\":500,\"validation_sha256\":null},\"steps\"";
        var json = SpecificationJson.Write(Specifications.Sound);
        Assert.Contains(dataset, json, StringComparison.Ordinal);
        Assert.Equal(Specifications.Sound.Dataset, SpecificationJson.Read(json).Dataset);
    }

    [Fact]
    public void A_mixture_is_read_as_it_was_written()
    {
        var json = SpecificationJson.Write(Specifications.Mixed);
        var read = SpecificationJson.Read(json);
        Assert.Equal(json, SpecificationJson.Write(read));
        Assert.Equal(Specifications.Mixed.Dataset.Mix, read.Dataset.Mix);
        Assert.Empty(SpecificationDifferences.Between(read, Specifications.Mixed));
        Assert.Empty(SpecificationCheck.Errors(read));
    }

    [Fact]
    public void Names_are_snake_case_and_enumerations_words()
    {
        var json = SpecificationJson.Write(Specifications.Sound);
        Assert.Contains("\"micro_batch_count\":8", json);
        Assert.Contains("\"kind\":\"cosine\"", json);
        Assert.Contains("\"run\":\"run1\"", json);
    }

    [Fact]
    public void A_run_of_before_samples_had_rules_is_read_and_differs_only_in_what_is_asked_now()
    {
        var stored = Specifications.Sound with { Sampling = Specifications.Sound.Sampling with { TopK = 7 } };
        var old = System.Text.Json.Nodes.JsonNode.Parse(SpecificationJson.Write(stored))!.AsObject();
        var sampling = old["sampling"]!.AsObject();
        string[] since =
        [
            "more_prompts", "include_prompt", "repetition_penalty", "no_repeat_ngram", "min_length", "stops",
            "ignore_end_of_text",
        ];
        Assert.All(since, name => Assert.True(sampling.Remove(name), name));

        var read = SpecificationJson.Read(old.ToJsonString());
        Assert.Empty(SpecificationDifferences.Between(read, stored));
        Assert.Equal(SpecificationJson.Write(stored), SpecificationJson.Write(read));
        var wanted = stored with { Sampling = stored.Sampling with { Stops = ["."] } };
        Assert.Contains("--sample-stop", Assert.Single(SpecificationDifferences.Between(read, wanted)));
    }

    [Fact]
    public void A_run_of_before_models_had_vocabularies_is_one_of_OpenAIs()
    {
        var stored = Specifications.Sound;
        var old = System.Text.Json.Nodes.JsonNode.Parse(SpecificationJson.Write(stored))!.AsObject();
        Assert.True(old["model"]!.AsObject().Remove("vocabulary"));
        var read = SpecificationJson.Read(old.ToJsonString());
        Assert.Null(read.Model.Vocabulary);
        Assert.Empty(SpecificationDifferences.Between(read, stored));
        var wanted = stored with { Model = stored.Model with { Vocabulary = "aa" } };
        Assert.Contains(
            "the vocabulary of --model", Assert.Single(SpecificationDifferences.Between(read, wanted)));
    }

    [Fact]
    public void What_a_constructor_takes_cannot_be_left_out()
    {
        var whole = JsonNode.Parse(SpecificationJson.Write(Specifications.Sound))!.AsObject();
        Assert.True(whole["model"]!.AsObject().Remove("shape"));
        var problem = Assert.Throws<UserErrorException>(() => SpecificationJson.Read(whole.ToJsonString()));
        Assert.Contains("'shape'", problem.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("not json")]
    public void Anything_else_is_bad_input(string json) =>
        Assert.Throws<UserErrorException>(() => SpecificationJson.Read(json));

    /// <summary>Of two values, which one is meant?</summary>
    [Fact]
    public void A_member_that_comes_twice_is_refused()
    {
        var json = SpecificationJson.Write(Specifications.Sound);
        var twice = json[..^1] + ",\"seed\":3}";
        Assert.Contains("seed", Assert.Throws<UserErrorException>(() => SpecificationJson.Read(twice)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_bad_name_is_refused()
    {
        var json = SpecificationJson.Write(Specifications.Sound);
        Assert.Throws<UserErrorException>(() => SpecificationJson.Read(json.Replace("\"run1\"", "\"a/b\"")));
    }
}

using System.Text.Json;
using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.EndToEnd.Tests.Commands;

/// <summary>Text, losses and facts from models, runs and machines, through the command line.</summary>
[Collection(ToldCollection.Name)]
public sealed class ModelCommandsTests(Cluster cluster)
{
    /// <summary>Tokens of the small model's context that follow the one of the prompt.</summary>
    private const int Room = 31;

    [Fact]
    public void A_run_writes_as_much_as_fits_its_context()
    {
        var sample = cluster.Json("generate", "--run", "told", "--precision", "fp32");
        Assert.Equal("sample", sample.GetProperty("event").GetString());
        Assert.Equal("told", sample.GetProperty("run").GetString());
        Assert.Equal(Cluster.Steps, sample.GetProperty("step").GetInt32());
        Assert.Equal(1, sample.GetProperty("index").GetInt32());
        Assert.NotEqual("", sample.GetProperty("text").GetString());

        string[] greedy = ["generate", "--run", "told", "--temperature", "0", "--precision", "fp32", "--json"];
        var all = cluster.Ok(greedy).Output;
        Assert.Equal(all, cluster.Ok([.. greedy, "--length", $"{Room}"]).Output);
        var sentence = cluster.Refused(2, "generate", "--run", "told", "--length", $"{Room + 1}");
        Assert.Contains("context of 32 tokens", sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void Checkpoints_are_chosen_by_step_and_by_validation()
    {
        var kept = cluster.Json("show", "told").GetProperty("checkpoints").EnumerateArray().ToList();
        var oldest = kept[^1].GetProperty("step").GetInt32();
        var best = kept.Single(one => one.GetProperty("best").GetBoolean()).GetProperty("step").GetInt32();
        foreach (var (wish, step) in new[] { ("last", Cluster.Steps), ("best", best), ($"{oldest}", oldest) })
        {
            var sample = cluster.Json("generate", "--run", "told", "--checkpoint", wish, "--length", "2");
            Assert.Equal(step, sample.GetProperty("step").GetInt32());
        }
    }

    [Fact]
    public void Several_samples_are_headed_and_the_prompt_stands_before_the_text()
    {
        var said = cluster.Ok("generate", "--run", "told", "--prompt", "The sea", "--num", "2", "--length", "4").Output;
        Assert.Contains("======== SAMPLE 1 ========\nThe sea", said, StringComparison.Ordinal);
        Assert.Contains("======== SAMPLE 2 ========\nThe sea", said, StringComparison.Ordinal);
    }

    [Fact]
    public void Eval_counts_every_target_once_and_is_the_same_twice()
    {
        string[] command = ["eval", "--model", "run:told", Repository.Verses, "--precision", "fp32"];
        var found = cluster.Json(command);
        var loss = found.GetProperty("loss").GetDouble();
        Assert.Equal(Math.Exp(loss), found.GetProperty("perplexity").GetDouble(), 1e-6 * Math.Exp(loss));
        var tokens = cluster.Json("inspect", Repository.Verses).GetProperty("tokens").GetInt64();
        Assert.Equal(tokens - 1, found.GetProperty("targets").GetInt64());
        Assert.Equal(loss, cluster.Json(command).GetProperty("loss").GetDouble());
    }

    [Fact]
    public void A_model_is_imported_listed_used_and_not_taken_twice()
    {
        Assert.Equal(
            "mine", cluster.Json("model", "import", cluster.Model, "--name", "mine").GetProperty("model").GetString());
        var lines = cluster.Ok("model", "list", "--json").Output.Split('\n');
        Assert.Contains(lines, line => JsonDocument.Parse(line).RootElement.GetProperty("model").GetString() == "mine");
        Assert.True(cluster.Json("eval", "--model", "mine", Repository.Verses).GetProperty("loss").GetDouble() > 0);
        Assert.Contains(
            "mine already",
            cluster.Refused(2, "model", "import", cluster.Model, "--name", "mine"),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Doctor_tells_what_the_machine_has()
    {
        var found = cluster.Json("doctor");
        Assert.Equal("cpu", found.GetProperty("device").GetString());
        Assert.True(found.GetProperty("free_disk_bytes").GetInt64() > 0);
        Assert.Equal(JsonValueKind.Array, found.GetProperty("problems").ValueKind);
        var workers = found.GetProperty("workers").EnumerateArray().ToList();
        Assert.NotEmpty(workers);
        Assert.All(workers, worker => Assert.True(worker.GetProperty("memory_bytes").GetInt64() > 0));
        var isFine = found.GetProperty("problems").GetArrayLength() == 0;
        Assert.Equal(isFine, cluster.Ok("doctor").Output.Contains("Nothing here would stop", StringComparison.Ordinal));
    }
}

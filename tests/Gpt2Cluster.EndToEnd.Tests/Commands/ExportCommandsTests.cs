using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.EndToEnd.Tests.Commands;

/// <summary><c>model export</c> of models and of a run, through the command line.</summary>
[Collection(ToldCollection.Name)]
public sealed class ExportCommandsTests(Cluster cluster)
{
    private static readonly string[] Greedy =
        ["--temperature", "0", "--precision", "fp32", "--prompt", "The sea", "--length", "20", "--quiet"];

    [Theory]
    [InlineData("last")]
    [InlineData("best")]
    [InlineData("oldest")]
    public void A_runs_checkpoint_leaves_and_writes_what_the_run_writes(string wish)
    {
        // Which steps are kept depends on how long a checkpoint took to write.
        var kept = cluster.Json("show", "told").GetProperty("checkpoints").EnumerateArray().ToList();
        var checkpoint = wish == "oldest" ? $"{kept[^1].GetProperty("step")}" : wish;
        var place = Place($"run-{wish}");
        var said = cluster.Json("model", "export", $"run:told@{checkpoint}", place);
        Assert.Equal("run:told", said.GetProperty("model").GetString());
        Assert.Equal("fp32", said.GetProperty("dtype").GetString());
        Assert.Equal(
            cluster.Ok(["generate", "--run", "told", "--checkpoint", checkpoint, .. Greedy]).Output,
            cluster.Ok(["generate", "--model", place, .. Greedy]).Output);
        var card = File.ReadAllText(Path.Combine(place, "README.md"));
        Assert.Contains($"Step {said.GetProperty("step")} of the run told", card, StringComparison.Ordinal);
        Assert.Contains("- \"verses.txt\"", card, StringComparison.Ordinal);
        Assert.StartsWith("---\nlicense: cc-by-4.0\n", card, StringComparison.Ordinal);
        Assert.Contains("| steps | 6 |", card, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folders_model_leaves_without_a_cluster_of_its_own()
    {
        using var folder = new TestFolder();
        var place = Path.Combine(folder.Path, "out");
        using var export = ClientProcess.Run(folder, "model", "export", cluster.Model, place, "--dtype", "bf16");
        Assert.True(export.WaitForExit() == 0, export.Said);
        Assert.Null(folder.ClusterRecord());
        Assert.True(File.Exists(Path.Combine(place, "tokenizer.json")));
    }

    [Fact]
    public void A_GGUF_goes_into_a_folder_with_a_recipe_or_into_the_file_that_is_named()
    {
        var place = Place("gguf");
        cluster.Ok("model", "export", "run:told", place, "--format", "gguf");
        Assert.Equal(["Modelfile", "told.gguf"], Directory.EnumerateFiles(place).Select(Path.GetFileName).Order());
        cluster.Ok("model", "export", "run:told", place + ".gguf", "--format", "gguf");
        Assert.Equal(
            SHA256.HashData(File.ReadAllBytes(Path.Combine(place, "told.gguf"))),
            SHA256.HashData(File.ReadAllBytes(place + ".gguf")));
        Assert.Equal("GGUF", Encoding.ASCII.GetString(File.ReadAllBytes(place + ".gguf").AsSpan(0, 4)));
    }

    [Fact]
    public void What_cannot_leave_so_is_refused_in_a_sentence_and_nothing_is_written()
    {
        var place = Place("refused");
        AssertRefused(2, "--dtype q8_0 does not go with --format hf", "run:told", "--dtype", "q8_0");
        AssertRefused(2, "--format takes hf, openai, gguf or peft", "run:told", "--format", "onnx");
        AssertRefused(2, "has no adapters", "run:told", "--format", "peft");
        AssertRefused(2, "--merged does not go with --format peft", "run:told", "--format", "peft", "--merged");
        AssertRefused(2, "behind the @ comes best, last or a step", "run:told@first");
        AssertRefused(2, "There is no model 'nowhere'", "nowhere");
        AssertRefused(2, "'model pull gpt2-xl' brings it", "1558M");
        AssertRefused(4, "no checkpoint of step 99", "run:told@99");
        AssertRefused(4, "There is no run 'nobody'", "run:nobody");
        Assert.Empty(Directory.EnumerateFileSystemEntries(cluster.Folder.Path, "*refused*"));

        void AssertRefused(int code, string sentence, string model, params string[] more) => Assert.Contains(
            sentence, cluster.Refused(code, ["model", "export", model, place, .. more]), StringComparison.Ordinal);
    }

    [Fact]
    public void An_export_is_replaced_only_when_asked()
    {
        var place = Place("twice");
        cluster.Ok("model", "export", cluster.Model, place);
        var before = File.ReadAllBytes(Path.Combine(place, "model.safetensors"));
        Assert.Contains(
            "exists already", cluster.Refused(2, "model", "export", "run:told", place), StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(Path.Combine(place, "model.safetensors")));
        cluster.Ok("model", "export", "run:told", place, "--overwrite");
        Assert.NotEqual(before, File.ReadAllBytes(Path.Combine(place, "model.safetensors")));
    }

    [Fact]
    public void Where_it_comes_from_travels_and_what_was_changed_since_is_told()
    {
        var place = Place("origin");
        cluster.Ok("model", "export", "run:told@last", place);
        var (ofRun, ofFolder) = (Chain("told"), Chain(place));
        foreach (var chain in new[] { ofRun, ofFolder })
        {
            Assert.Equal("run:told", chain[0].GetProperty("name").GetString());
            Assert.Equal(Cluster.Steps, chain[0].GetProperty("step").GetInt32());
            Assert.Equal("CC-BY-4.0", chain[0].GetProperty("license").GetString());
            Assert.Equal("the tests", chain[0].GetProperty("author").GetString());
            Assert.True(chain[0].GetProperty("verified").GetBoolean());
            Assert.Equal(2, chain.Count);
            Assert.StartsWith("small-", chain[1].GetProperty("name").GetString(), StringComparison.Ordinal);
        }

        // A model keeps its record in the store.
        cluster.Ok("model", "import", place, "--name", "travelled", "--license", "MIT");
        var travelled = Chain("travelled")[0];
        Assert.Equal("run:told", travelled.GetProperty("name").GetString());
        Assert.Equal("MIT", travelled.GetProperty("license").GetString());
        Assert.Equal("the tests", travelled.GetProperty("author").GetString());
        Assert.True(travelled.GetProperty("verified").GetBoolean());
        var weights = Path.Combine(place, "model.safetensors");
        var bytes = File.ReadAllBytes(weights);
        bytes[^1] ^= 1;
        File.WriteAllBytes(weights, bytes);
        Assert.Contains("changed since", cluster.Refused(2, "provenance", place), StringComparison.Ordinal);
        Assert.Contains(
            "does not say where it comes from",
            cluster.Refused(2, "provenance", cluster.Model),
            StringComparison.Ordinal);

        List<JsonElement> Chain(string what) =>
        [
            .. cluster.Ok("provenance", what, "--json").Output.Trim().Split('\n')
                .Select(line => JsonDocument.Parse(line).RootElement),
        ];
    }

    private string Place(string name) => Path.Combine(cluster.Folder.Path, $"exported-{name}");
}

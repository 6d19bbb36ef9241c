using System.Text.Json;
using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.Slow.Tests;

/// <summary>A model with a vocabulary of its own, from its folder to llama.cpp.</summary>
public sealed class CustomVocabularyTests
{
    private const int Tokens = 711;
    private const int Rows = 720;
    private const int ContextLength = 32;
    private const int Length = 20;
    private const string Prompt = "The sea";

    [Fact]
    public void A_vocabulary_trained_with_RoBERTas_special_tokens_is_used_from_the_text_to_the_export()
    {
        using var folder = new TestFolder();
        var model = SmallModel.Write(Path.Combine(folder.Path, "own"), Rows);
        foreach (var name in new[] { "vocab.json", "merges.txt" })
            File.Copy(Path.Combine(Goldens, "roberta", name), Path.Combine(model, name));

        var trained = Ok(
            folder, "train", Repository.Verses, "--model", model, "--run", "own", "--steps", "60", "--batch-size", "4",
            "--micro-batches", "2", "--learning-rate", "0.01", "--sample-every", "30", "--sample-prompt", Prompt,
            "--sample-length", $"{Length}", "--json");
        var lines = trained.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(Parse).ToList();
        var samples = lines.Where(line => Kind(line) == "sample").ToList();
        Assert.Equal(2, samples.Count);
        Assert.All(samples, sample => Assert.StartsWith(Prompt, sample.GetProperty("text").GetString()));
        Assert.All(samples, sample => Assert.DoesNotContain("<mask>", sample.GetProperty("text").GetString()));
        var losses = lines.Where(line => Kind(line) == "step").Select(line => line.GetProperty("loss").GetDouble());
        Assert.InRange(losses.Last(), 0, Math.Log(Tokens) - 0.5);

        // The run's tokens are those of the model's folder, and many more than GPT-2's.
        var tokens = lines.Single(line => Kind(line) == "submitted").GetProperty("dataset_sha256").GetString();
        Assert.Equal(tokens, HashOf(folder, "--model", model));
        Assert.NotEqual(tokens, HashOf(folder));

        var (text, gguf, exported) = (
            Ours(folder), Path.Combine(folder.Path, "own.gguf"), Path.Combine(folder.Path, "exported"));
        Ok(folder, "model", "export", "run:own", gguf, "--format", "gguf", "--dtype", "fp32");
        Ok(folder, "model", "export", "run:own", exported);
        using (var llama = new LlamaModel(gguf, ContextLength))
        {
            Assert.Equal(Rows, llama.VocabularySize);
            Assert.Equal(text, llama.Greedy(Prompt, Length));
            foreach (var each in Parse(File.ReadAllText(Path.Combine(Goldens, "ids.json"))).GetProperty("roberta")
                .EnumerateArray())
            {
                Assert.Equal(
                    each.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32()),
                    llama.Tokenize(each.GetProperty("text").GetString()!));
            }
        }

        // By tokenizer.json alone.
        File.Delete(Path.Combine(exported, "vocab.json"));
        Assert.Equal(tokens, HashOf(folder, "--model", exported));

        // What the run needs of the vocabulary is its own, and a run that begins with its weights has it too.
        foreach (var stored in Directory.GetDirectories(Path.Combine(folder.Path, "models")))
            Directory.Delete(stored, recursive: true);
        Assert.Equal(text, Ours(folder));
        Ok(
            folder, "train", Repository.Verses, "--model", "run:own", "--run", "second", "--steps", "2",
            "--batch-size", "2", "--micro-batches", "2", "--sample-every", "1", "--sample-length", "8");
        Assert.Equal(tokens, HashOf(folder, "--model", "run:second"));
        Ok(folder, "eval", "--model", "run:second", Repository.Verses);
    }

    private static string Goldens => Path.Combine(AppContext.BaseDirectory, "Goldens", "vocabularies");

    private static string Ours(TestFolder folder)
    {
        var line = Ok(
            folder, "generate", "--run", "own", "--prompt", Prompt, "--temperature", "0", "--precision", "fp32",
            "--length", $"{Length}", "--json");
        return Parse(line).GetProperty("text").GetString()!;
    }

    private static string HashOf(TestFolder folder, params string[] model)
    {
        var line = Ok(
            folder, ["encode", Repository.Verses, Path.Combine(folder.Path, "verses.npz"), "--json", .. model]);
        return Parse(line).GetProperty("sha256_of_uint16_little_endian").GetString()!;
    }

    private static JsonElement Parse(string json) => JsonDocument.Parse(json).RootElement;

    private static string? Kind(JsonElement line) => line.GetProperty("event").GetString();

    private static string Ok(TestFolder folder, params string[] arguments)
    {
        using var client = ClientProcess.Run(folder, arguments);
        Assert.True(client.WaitForExit() == 0, client.Said);
        return client.Output;
    }
}

using System.Text.Json;
using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.Slow.Tests;

/// <summary>What leaves, in the hands of the program it is for: llama.cpp.</summary>
public sealed class ExportTests
{
    private const int ContextLength = 128;
    private const int Length = 50;

    /// <summary>Tokens that weights in eight bits must continue with as well.</summary>
    private const int BlocksLength = 10;

    private const string Prompt = "The sea";

    /// <summary>
    /// The model is trained: a fresh one says one token over and over, which hides positions and the cache.
    /// </summary>
    [Fact]
    public void Llama_cpp_continues_a_trained_run_as_we_do_and_cuts_text_into_the_same_tokens()
    {
        using var folder = new TestFolder();
        Ok(folder, "train", Repository.Verses, "--model", "scratch:tiny", "--run", "tiny", "--sample-every", "0");
        var whole = Export(folder, "fp32");
        var expected = Ours(folder, Length);
        Assert.True(expected.Split(' ').Distinct().Count() > 5, $"It says too little to compare: {expected}");
        using (var llama = new LlamaModel(whole, ContextLength))
        {
            Assert.Equal(50257, llama.VocabularySize);
            Assert.Equal(expected, llama.Greedy(Prompt, Length));
            foreach (var text in Golden().EnumerateArray())
            {
                Assert.Equal(
                    text.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32()),
                    llama.Tokenize(text.GetProperty("text").GetString()!));
            }
        }

        foreach (var type in new[] { "q8_0", "fp16", "bf16" })
        {
            using var llama = new LlamaModel(Export(folder, type), ContextLength);
            Assert.Equal(Ours(folder, BlocksLength), llama.Greedy(Prompt, BlocksLength));
        }
    }

    private static string Export(TestFolder folder, string type)
    {
        var place = Path.Combine(folder.Path, $"{type}.gguf");
        Ok(folder, "model", "export", "run:tiny", place, "--format", "gguf", "--dtype", type);
        return place;
    }

    private static string Ours(TestFolder folder, int length)
    {
        var line = Ok(
            folder, "generate", "--run", "tiny", "--prompt", Prompt, "--temperature", "0", "--precision", "fp32",
            "--length", $"{length}", "--json");
        return JsonDocument.Parse(line).RootElement.GetProperty("text").GetString()!;
    }

    private static JsonElement Golden() => JsonDocument.Parse(
        File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Goldens", "tokenizer.json"))).RootElement;

    private static string Ok(TestFolder folder, params string[] arguments)
    {
        using var client = ClientProcess.Run(folder, arguments);
        Assert.True(client.WaitForExit() == 0, client.Said);
        return client.Output;
    }
}

using System.Text.Json;
using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.EndToEnd.Tests.Commands;

/// <summary>Commands that need no cluster.</summary>
public sealed class FileCommandsTests : IDisposable
{
    private readonly TestFolder folder = new();

    /// <summary>
    /// A text of 60,000 characters, encoded by the original tool: its tokens, hashed. The file written here is read
    /// back as the dataset it is.
    /// </summary>
    [Fact]
    public void Encode_writes_the_original_tools_tokens_and_they_are_read_back()
    {
        var goldens = Path.Combine(Repository.Root, "tests", "Gpt2Cluster.Data.Tests", "Goldens", "npz");
        var expected = JsonDocument.Parse(File.ReadAllText(Path.Combine(goldens, "expected.json"))).RootElement
            .GetProperty("a-long").GetProperty("arr_0");
        var target = Path.Combine(folder.Path, "a-long");

        var said = Json("encode", Path.Combine(goldens, "a-long.txt"), target);
        Assert.Equal(expected.GetProperty("length").GetInt64(), said.GetProperty("tokens").GetInt64());
        Assert.Equal(Hash(expected), Hash(said));
        Assert.Equal(Hash(expected), Hash(Json("inspect", target + ".npz")));
        Assert.Equal(Hash(expected), Hash(Json("inspect", Path.Combine(goldens, "a-long.npz"))));
        var sentence = Run("encode", Path.Combine(goldens, "a-long.txt"), target);
        Assert.Contains("a-long.npz", sentence, StringComparison.Ordinal);
        folder.AssertNobodyIsLeft();
    }

    [Fact]
    public void Inspect_says_what_a_run_would_cost()
    {
        var found = Json("inspect", Repository.Verses);
        var tiny = found.GetProperty("models").EnumerateArray()
            .Single(model => model.GetProperty("model").GetString() == "tiny");
        Assert.True(found.GetProperty("documents").GetInt64() >= 40);
        Assert.Equal(128, tiny.GetProperty("sequence_length").GetInt32());
        Assert.Equal(
            (found.GetProperty("tokens").GetInt64() - 1 + 127) / 128, tiny.GetProperty("windows").GetInt64());
    }

    [Fact]
    public void Fresh_weights_are_written_imported_and_the_same_for_the_same_seed()
    {
        var (first, second) = (Path.Combine(folder.Path, "first"), Path.Combine(folder.Path, "second"));
        Run("model", "init", "tiny", first, "--seed", "7");
        Run("model", "init", "tiny", second, "--seed", "7");
        Assert.Equal(Weights(first), Weights(second));
        Assert.Equal("first", Json("model", "import", first).GetProperty("model").GetString());
        Assert.Equal(Weights(first), Weights(Path.Combine(folder.Path, "models", "first")));
    }

    /// <inheritdoc/>
    public void Dispose() => folder.Dispose();

    private static string? Hash(JsonElement said) => said.GetProperty("sha256_of_uint16_little_endian").GetString();

    private static byte[] Weights(string model) => File.ReadAllBytes(Path.Combine(model, "model.safetensors"));

    private JsonElement Json(params string[] arguments) =>
        JsonDocument.Parse(Run([.. arguments, "--json"])).RootElement;

    private string Run(params string[] arguments)
    {
        using var client = ClientProcess.Run(folder, arguments);
        Assert.True(client.WaitForExit() == 0, client.Said);
        return client.Output;
    }
}

using System.Text.Json;
using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.EndToEnd.Tests.Commands;

/// <summary>Texts of models that say what they are told, through the command line.</summary>
[Collection(ToldCollection.Name)]
public sealed class GenerateCommandTests(Cluster cluster)
{
    private const int One = 530; // " one"
    private const int Two = 734; // " two"
    private const int Four = 1440; // " four"

    [Fact]
    public void Ids_of_a_padded_vocabulary_are_never_drawn_by_generate_nor_in_samples_of_a_run()
    {
        var model = Telling("padded", 50304, One, Two, 50300, Four, 50257, Four, 50303);
        string[] greedy = ["--temperature", "0", "--precision", "fp32"];
        var text = Text(["generate", "--model", model, "--length", "7", .. greedy]);
        Assert.StartsWith(" one two", text, StringComparison.Ordinal);
        Assert.Contains(" four", text[8..], StringComparison.Ordinal);

        var events = cluster.Ok(
            "train", Repository.Verses, "--run", "padded", "--model", model, "--steps", "1", "--batch-size", "1",
            "--micro-batches", "1", "--threads-per-worker", "1", "--precision", "fp32", "--val-every", "0",
            "--sample-every", "1", "--sample-length", "7", "--temperature", "0", "--learning-rate", "1e-9", "--json");
        var sample = events.Output.Split('\n').Single(line => line.Contains("\"sample\"", StringComparison.Ordinal));
        Assert.Equal(text, JsonDocument.Parse(sample).RootElement.GetProperty("text").GetString());
    }

    private string Telling(string name, int vocabulary, params int[] says) => TellingModel.Write(
        Path.Combine(cluster.Folder.Path, name), [.. says, .. Enumerable.Repeat(Four, 64 - says.Length)], vocabulary);

    private string Text(string[] arguments) => cluster.Json(arguments).GetProperty("text").GetString()!;
}

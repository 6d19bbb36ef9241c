using System.Buffers.Binary;
using System.Text.Json;
using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.EndToEnd.Tests;

/// <summary>
/// A text of exactly one window, trained through the command line, follows PyTorch's losses (written by
/// tests/benchmarks/pytorch_one_window.py), however it is cut into micro-batches and over silos.
/// </summary>
public sealed class OneWindowTests
{
    /// <summary>
    /// Nats per token: what ten fp32 steps may differ between two orders of summation, as the project promises.
    /// </summary>
    private const double LossTolerance = 2e-4;

    private const string Text = "The lighthouse keeper counts the ships that come and go, and writes their names in a book "
        + "of blue paper beside the lamp, where the moths are as warm.";

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(2, 3, 2)]
    public void Losses_agree_with_PyTorch(int batchSize, int microBatches, int silos)
    {
        using var folder = new TestFolder();
        var golden = JsonDocument.Parse(File.ReadAllText(
            Path.Combine(AppContext.BaseDirectory, "Goldens", "one-window.json"))).RootElement;
        var model = WriteModel(Path.Combine(folder.Path, "model"));
        using var client = ClientProcess.Run(
            folder, "train", folder.File("text.txt", Text), "--model", model, "--steps", "10", "--schedule", "constant",
            "--warmup", "0", "--precision", "fp32", "--learning-rate", "0.001", "--json", "--sample-every", "0",
            "--batch-size", $"{batchSize}", "--micro-batches", $"{microBatches}", "--silos", $"{silos}");

        Assert.True(client.WaitForExit() == 0, client.Said);
        var expected = golden.GetProperty("losses").EnumerateArray().Select(loss => loss.GetDouble()).ToList();
        var found = client.Events("step").Select(step => step.GetProperty("loss").GetDouble()).ToList();
        Assert.Equal(expected.Count, found.Count);
        Assert.All(expected.Zip(found), pair => Assert.Equal(pair.First, pair.Second, LossTolerance));
        folder.AssertNobodyIsLeft();
    }

    /// <summary>Writes the golden's model: the same formula for the weights as in the PyTorch script.</summary>
    private static string WriteModel(string folder)
    {
        const int vocabulary = 50257, context = 32, width = 16, layers = 2;
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), $$"""
            {"model_type": "gpt2", "activation_function": "gelu_new", "layer_norm_epsilon": 1e-05, "vocab_size": {{vocabulary}},
             "n_ctx": {{context}}, "n_positions": {{context}}, "n_embd": {{width}}, "n_layer": {{layers}}, "n_head": 2}
            """);
        var shapes = new List<(string Name, int[] Shape)>();
        for (var layer = 0; layer < layers; layer++)
        {
            shapes.AddRange(
            [
                ($"h.{layer}.ln_1.weight", [width]), ($"h.{layer}.ln_1.bias", [width]),
                ($"h.{layer}.attn.c_attn.weight", [width, 3 * width]), ($"h.{layer}.attn.c_attn.bias", [3 * width]),
                ($"h.{layer}.attn.c_proj.weight", [width, width]), ($"h.{layer}.attn.c_proj.bias", [width]),
                ($"h.{layer}.ln_2.weight", [width]), ($"h.{layer}.ln_2.bias", [width]),
                ($"h.{layer}.mlp.c_fc.weight", [width, 4 * width]), ($"h.{layer}.mlp.c_fc.bias", [4 * width]),
                ($"h.{layer}.mlp.c_proj.weight", [4 * width, width]), ($"h.{layer}.mlp.c_proj.bias", [width]),
            ]);
        }

        shapes.AddRange(
        [
            ("ln_f.weight", [width]), ("ln_f.bias", [width]), ("wpe.weight", [context, width]),
            ("wte.weight", [vocabulary, width]),
        ]);
        WriteWeights(Path.Combine(folder, "model.safetensors"), shapes);
        return folder;
    }

    private static void WriteWeights(string path, List<(string Name, int[] Shape)> shapes)
    {
        var header = new Dictionary<string, object>();
        var offset = 0L;
        foreach (var (name, shape) in shapes)
        {
            var bytes = 4L * shape.Aggregate(1, (product, dimension) => product * dimension);
            header[name] = new { dtype = "F32", shape, data_offsets = new[] { offset, offset + bytes } };
            offset += bytes;
        }

        var json = JsonSerializer.SerializeToUtf8Bytes(header);
        using var file = new BinaryWriter(File.Create(path));
        file.Write((ulong)json.Length);
        file.Write(json);
        for (var tensor = 0; tensor < shapes.Count; tensor++)
            file.Write(Elements(tensor, shapes[tensor].Name, shapes[tensor].Shape));
    }

    private static byte[] Elements(int tensor, string name, int[] shape)
    {
        var bytes = new byte[4 * shape.Aggregate(1, (product, dimension) => product * dimension)];
        for (var element = 0; element < bytes.Length / 4; element++)
        {
            var random = (((((ulong)element + 1) * 2654435761) + ((ulong)tensor * 40503)) % 4294967296 / 4294967296.0) - 0.5;
            var value = name.EndsWith(".bias", StringComparison.Ordinal) ? 0f
                : name.Contains("ln_", StringComparison.Ordinal) ? 1f
                : (float)(random * 0.16);
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(element * 4), value);
        }

        return bytes;
    }
}

using System.Buffers.Binary;
using System.Text.Json;

namespace Gpt2Cluster.EndToEnd.Tests.Processes;

/// <summary>A GPT-2 of 2 layers, width 16 and context 32, as a Hugging Face folder without a vocabulary.</summary>
internal static class SmallModel
{
    /// <summary>Writes the golden's model: the same formula for the weights as in the PyTorch script.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="vocabulary">Rows of the token embedding; the golden has GPT-2's.</param>
    /// <param name="context">Positions; the golden's has 32.</param>
    public static string Write(string folder, int vocabulary = 50257, int context = 32)
    {
        const int width = 16, layers = 2;
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), $$"""
            {"model_type": "gpt2", "activation_function": "gelu_new", "layer_norm_epsilon": 1e-05,
             "vocab_size": {{vocabulary}}, "n_ctx": {{context}}, "n_positions": {{context}}, "n_embd": {{width}},
             "n_layer": {{layers}}, "n_head": 2}
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
            var bits = ((((ulong)element + 1) * 2654435761) + ((ulong)tensor * 40503)) % 4294967296;
            var random = (bits / 4294967296.0) - 0.5;
            var value = name.EndsWith(".bias", StringComparison.Ordinal) ? 0f
                : name.Contains("ln_", StringComparison.Ordinal) ? 1f
                : (float)(random * 0.16);
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(element * 4), value);
        }

        return bytes;
    }
}

using System.Buffers.Binary;
using System.Text.Json;

namespace Gpt2Cluster.EndToEnd.Tests.Processes;

/// <summary>
/// A GPT-2 whose likeliest token at each position is given, whatever it read: its layers add nothing, and a position's
/// embedding points at the token to say.
/// </summary>
internal static class TellingModel
{
    private const int Width = 64;

    /// <summary>Writes it as a Hugging Face folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="says">The token said at each position; the context is as long.</param>
    /// <param name="vocabulary">Rows of the token embedding.</param>
    public static string Write(string folder, IReadOnlyList<int> says, int vocabulary = 50257)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), $$"""
            {"model_type": "gpt2", "activation_function": "gelu_new", "layer_norm_epsilon": 1e-05,
             "vocab_size": {{vocabulary}}, "n_ctx": {{says.Count}}, "n_positions": {{says.Count}},
             "n_embd": {{Width}}, "n_layer": 1, "n_head": 1}
            """);
        var random = new Random(7);
        var tokens = Few(random, vocabulary * Width, 0.01f);
        var directions = says.Distinct().ToDictionary(token => token, _ => Direction(random));
        foreach (var (token, direction) in directions)
            direction.Select(value => 4 * value).ToArray().CopyTo(tokens, token * Width);
        WriteWeights(Path.Combine(folder, "model.safetensors"),
        [
            ("h.0.ln_1.weight", [Width], Ones()), ("h.0.ln_1.bias", [Width], new float[Width]),
            ("h.0.attn.c_attn.weight", [Width, 3 * Width], Few(random, 3 * Width * Width, 0.02f)),
            ("h.0.attn.c_attn.bias", [3 * Width], new float[3 * Width]),
            ("h.0.attn.c_proj.weight", [Width, Width], new float[Width * Width]),
            ("h.0.attn.c_proj.bias", [Width], new float[Width]),
            ("h.0.ln_2.weight", [Width], Ones()), ("h.0.ln_2.bias", [Width], new float[Width]),
            ("h.0.mlp.c_fc.weight", [Width, 4 * Width], Few(random, 4 * Width * Width, 0.02f)),
            ("h.0.mlp.c_fc.bias", [4 * Width], new float[4 * Width]),
            ("h.0.mlp.c_proj.weight", [4 * Width, Width], new float[4 * Width * Width]),
            ("h.0.mlp.c_proj.bias", [Width], new float[Width]),
            ("ln_f.weight", [Width], Ones()), ("ln_f.bias", [Width], new float[Width]),
            ("wpe.weight", [says.Count, Width], [.. says.SelectMany(token => directions[token], (_, x) => 100 * x)]),
            ("wte.weight", [vocabulary, Width], tokens),
        ]);
        return folder;
    }

    private static float[] Ones() => [.. Enumerable.Repeat(1f, Width)];

    private static float[] Few(Random random, int count, float scale) =>
        [.. Enumerable.Range(0, count).Select(_ => scale * ((float)random.NextDouble() - 0.5f))];

    /// <summary>A unit vector whose elements' mean is 0, so that the last layer norm leaves its direction.</summary>
    private static float[] Direction(Random random)
    {
        var values = Few(random, Width, 1);
        var mean = values.Average();
        var norm = MathF.Sqrt(values.Sum(value => (value - mean) * (value - mean)));
        return [.. values.Select(value => (value - mean) / norm)];
    }

    private static void WriteWeights(string path, IReadOnlyList<(string Name, int[] Shape, float[] Values)> tensors)
    {
        var header = new Dictionary<string, object>();
        var offset = 0L;
        foreach (var (name, shape, values) in tensors)
        {
            var bytes = 4L * values.Length;
            header[name] = new { dtype = "F32", shape, data_offsets = new[] { offset, offset + bytes } };
            offset += bytes;
        }

        var json = JsonSerializer.SerializeToUtf8Bytes(header);
        using var file = new BinaryWriter(File.Create(path));
        file.Write((ulong)json.Length);
        file.Write(json);
        foreach (var (_, _, values) in tensors)
        {
            var bytes = new byte[4 * values.Length];
            for (var index = 0; index < values.Length; index++)
                BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(4 * index), values[index]);
            file.Write(bytes);
        }
    }
}

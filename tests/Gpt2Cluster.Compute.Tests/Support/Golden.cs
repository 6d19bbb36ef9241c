using System.Runtime.InteropServices;
using System.Text.Json;
using Gpt2Cluster.Core.Model;

namespace Gpt2Cluster.Compute.Tests.Support;

/// <summary>
/// The numbers PyTorch computed: a GPT-2 of 2 layers, one batch, its gradients, two runs of ten steps.
/// </summary>
internal static class Golden
{
    public const int BatchSize = 2;
    public const int SequenceLength = 64;
    public static readonly ModelShape Shape = new(512, 64, 32, 2, 2);
    public static readonly Dictionary<string, byte[]> Model = Read("model.safetensors");
    public static readonly Dictionary<string, byte[]> Expected = Read("expected.safetensors");
    public static readonly JsonElement Runs = JsonDocument.Parse(File.ReadAllText(PathOf("expected.json"))).RootElement;

    public static float[] Floats(Dictionary<string, byte[]> tensors, string name) =>
        MemoryMarshal.Cast<byte, float>(tensors[name]).ToArray();

    public static float[] Weights(string name) =>
        Floats(Model, Model.ContainsKey(name) ? name : "transformer." + name);

    /// <summary>The batch's inputs; its targets are other random tokens, not the inputs moved by one.</summary>
    public static int[] Inputs() => Integers("input_ids");

    /// <summary>What the loss is taken at.</summary>
    public static int[] Targets() => Integers("targets");

    private static int[] Integers(string name) =>
        [.. MemoryMarshal.Cast<byte, long>(Expected[name]).ToArray().Select(value => (int)value)];

    public static Dictionary<string, byte[]> Read(string name)
    {
        var bytes = File.ReadAllBytes(PathOf(name));
        var header = (int)BitConverter.ToInt64(bytes);
        return JsonDocument.Parse(bytes.AsMemory(8, header)).RootElement.EnumerateObject()
            .Where(entry => entry.Name != "__metadata__")
            .ToDictionary(entry => entry.Name, entry => Slice(entry.Value.GetProperty("data_offsets")));

        byte[] Slice(JsonElement offsets) =>
            bytes[(8 + header + offsets[0].GetInt32())..(8 + header + offsets[1].GetInt32())];
    }

    public static string PathOf(string name) => Path.Combine(AppContext.BaseDirectory, "Goldens", name);
}

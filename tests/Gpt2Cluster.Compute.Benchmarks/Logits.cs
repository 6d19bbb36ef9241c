using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Model;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Specification;
using TorchSharp;

namespace Gpt2Cluster.Compute.Benchmarks;

/// <summary>
/// The logits of an exported model in fp32, for who holds those of another program against them. The files are read
/// here in the plainest way: this program is packed without the rooms that read people's files.
/// </summary>
internal static class Logits
{
    /// <summary>Computes them.</summary>
    /// <param name="folder">
    /// An export in Hugging Face's layout and fp32; its vocabulary a multiple of 64, which nothing pads.
    /// </param>
    /// <param name="tokens">One window, as many tokens as one chunk of the head has rows at most.</param>
    /// <returns>The logits of each position.</returns>
    public static IEnumerable<float[]> Of(string folder, int[] tokens)
    {
        var shape = ReadShape(Path.Combine(folder, "config.json"));
        TorchRuntime.Prepare(1);
        using var replica = new Replica(
            new ReplicaOptions { Shape = shape, Precision = Precision.Float32 },
            new PortableCpuBackend(Precision.Float32, 1, false, shape));
        Load(replica, File.ReadAllBytes(Path.Combine(folder, "model.safetensors")));
        using var mode = torch.no_grad();
        using var backend = CpuBackend.For(Precision.Float32, 1, false, shape);
        using var space = new Workspace(backend, replica.Parameters, tokens.Length, false, false);
        using var model = new Gpt2(backend, replica.Parameters, replica.Working, new PhaseClock());
        model.Losses(
            space, StepContext.ForEvaluation(tokens.Length), tokens, new int[tokens.Length], new double[tokens.Length]);
        var logits = ((ChunkedHeadLoss)model.Loss).Logits!.Tensor.data<float>();
        return [.. logits.Take(tokens.Length * shape.VocabularySize).Chunk(shape.VocabularySize)];
    }

    private static ModelShape ReadShape(string path)
    {
        var root = JsonDocument.Parse(File.ReadAllBytes(path)).RootElement;
        int Whole(string name) => root.GetProperty(name).GetInt32();
        return new ModelShape(
            Whole("vocab_size"), Whole("n_positions"), Whole("n_embd"), Whole("n_head"), Whole("n_layer"));
    }

    private static void Load(Replica replica, byte[] file)
    {
        var headBytes = (int)BinaryPrimitives.ReadUInt64LittleEndian(file);
        var head = JsonDocument.Parse(file.AsMemory(sizeof(ulong), headBytes)).RootElement;
        foreach (var slice in replica.Parameters.Base.Slices)
        {
            var place = head.GetProperty("transformer." + slice.Name).GetProperty("data_offsets");
            var data = file.AsSpan(sizeof(ulong) + headBytes)[place[0].GetInt32()..place[1].GetInt32()];
            replica.WriteBase(slice.Start, MemoryMarshal.Cast<byte, float>(data).ToArray());
        }

        replica.Loaded(0);
    }
}

using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Kernels;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Compute.Model;
using Gpt2Cluster.Core.Model;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Generation;

/// <summary>Logits on the host: one row for each sample.</summary>
/// <param name="Values">S rows of <paramref name="Columns"/> numbers.</param>
/// <param name="Columns">Numbers of a row.</param>
/// <param name="VocabularySize">Numbers of a row that mean something: V.</param>
internal readonly record struct LogitRows(float[] Values, int Columns, int VocabularySize)
{
    /// <summary>The V logits of one sample.</summary>
    public ReadOnlySpan<float> Row(int sample) => Values.AsSpan(sample * Columns, VocabularySize);
}

/// <summary>
/// Forward passes of one token for each of S samples, on top of a key/value cache. Shapes: S samples, C channels.
/// </summary>
internal sealed class Decoder(
    ParameterLayout layout, IWorkingParameters working, Gpt2 model, ComputeRoute route) : IDisposable
{
    private readonly ModelShape shape = layout.Shape;
    private readonly DecodingWeights weights = new(working, layout.Shape.LayerCount, route.NarrowsForDecoding);
    private readonly IKernels kernels = route.Kernels;
    private KeyValueCache? cache;
    private Buffers? buffers;
    private int position;

    /// <summary>
    /// Reads the prompt and returns the logits behind it: the same for all samples, each in its own row.
    /// </summary>
    public LogitRows Start(IReadOnlyList<int> prompt, int sampleCount, int positionCount)
    {
        End();
        cache = new KeyValueCache(shape, sampleCount, positionCount, route.Type, route.Device);
        buffers = new Buffers(sampleCount, shape, route.Type, route.Device);
        using var space = new Workspace(shape, prompt.Count, false, false, route.Type, route.Device);
        var pass = new Pass(prompt.Count, false, 0, 0, 0, 0);
        model.Forward(space, pass, prompt.ToArray(), (layer, a) => cache.StorePrompt(layer, a.Qkv));
        position = prompt.Count;
        using var last = space.Stream(shape.LayerCount).SliceRows(prompt.Count - 1, 1); // (1, C)
        using var scope = NewDisposeScope();
        buffers.Stream.Tensor.copy_(last.Tensor); // (S, C)
        return Logits();
    }

    /// <summary>Reads one more token of each sample and returns the logits behind them.</summary>
    public LogitRows Continue(ReadOnlyMemory<int> tokens)
    {
        using var here = weights.Outer.Positions.SliceRows(position, 1); // (1, C)
        kernels.Embed(tokens, 1, weights.Outer.Tokens, here, Dropout.None, buffers!.Stream); // (S, C)
        for (var layer = 0; layer < shape.LayerCount; layer++)
            Block(layer, weights.Blocks[layer], buffers);
        position++;
        return Logits();
    }

    /// <summary>Bytes of weights that one token reads.</summary>
    public long WeightBytes => weights.MatrixBytes;

    /// <summary>
    /// The products of one token alone, on whatever the buffers hold: what bounds <see cref="Continue"/>.
    /// </summary>
    public void MultiplyAll()
    {
        var b = buffers!;
        foreach (var w in weights.Blocks)
        {
            route.MultiplyRows(b.Norm, w.Qkv.Weight, b.Qkv);
            route.MultiplyRows(b.Norm, w.Out.Weight, b.Branch);
            route.MultiplyRows(b.Norm, w.Up.Weight, b.Wide);
            route.MultiplyRows(b.Wide, w.Down.Weight, b.Branch);
        }

        route.MultiplyRowsByTransposed(b.Norm, weights.Tokens, b.Logits);
        route.Synchronize();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        End();
        weights.Dispose();
    }

    private void Block(int layer, DecodingWeights.Block w, Buffers b)
    {
        kernels.LayerNorm(b.Stream, w.Norm1.Gain, w.Norm1.Bias, b.Statistics, b.Norm); // (S, C)
        route.MultiplyRows(b.Norm, w.Qkv.Weight, b.Qkv); // (S, 3C)
        kernels.AddBias(b.Qkv, w.Qkv.Bias);
        var (keys, values) = cache!.Layer(layer); // each (S H P, D)
        kernels.AttendToCache(b.Qkv, keys, values, position, b.Norm); // (S, C)
        route.MultiplyRows(b.Norm, w.Out.Weight, b.Branch); // (S, C)
        kernels.AddBranch(b.Stream, b.Branch, w.Out.Bias, Dropout.None, b.Stream); // (S, C)

        kernels.LayerNorm(b.Stream, w.Norm2.Gain, w.Norm2.Bias, b.Statistics, b.Norm); // (S, C)
        route.MultiplyRows(b.Norm, w.Up.Weight, b.Wide); // (S, 4C)
        kernels.Gelu(b.Wide, w.Up.Bias, b.Wide); // (S, 4C)
        route.MultiplyRows(b.Wide, w.Down.Weight, b.Branch); // (S, C)
        kernels.AddBranch(b.Stream, b.Branch, w.Down.Bias, Dropout.None, b.Stream); // (S, C)
    }

    private LogitRows Logits()
    {
        var b = buffers!;
        kernels.LayerNorm(b.Stream, weights.Outer.NormGain, weights.Outer.NormBias, b.Statistics, b.Norm); // (S, C)
        route.MultiplyRowsByTransposed(b.Norm, weights.Tokens, b.Logits); // (S, Vp)
        b.CopyLogits();
        return new LogitRows(b.HostLogits, b.Logits.Columns, shape.VocabularySize);
    }

    private void End()
    {
        cache?.Dispose();
        buffers?.Dispose();
    }

    /// <summary>Memory for one token's activations of every sample.</summary>
    private sealed class Buffers(int samples, ModelShape shape, ScalarType type, TorchSharp.torch.Device device)
        : IDisposable
    {
        public Matrix Stream { get; } = Matrix.Allocate(samples, shape.Width, type, device); // (S, C)

        public Matrix Norm { get; } = Matrix.Allocate(samples, shape.Width, type, device); // (S, C)

        public Matrix Branch { get; } = Matrix.Allocate(samples, shape.Width, type, device); // (S, C)

        public Matrix Qkv { get; } = Matrix.Allocate(samples, 3 * shape.Width, type, device); // (S, 3C)

        public Matrix Wide { get; } = Matrix.Allocate(samples, 4 * shape.Width, type, device); // (S, 4C)

        public Matrix Logits { get; } =
            Matrix.Allocate(samples, VocabularyPadding.PaddedRows(shape), type, device); // (S, Vp)

        public float[] Statistics { get; } = new float[2 * samples];

        public float[] HostLogits { get; } = new float[samples * VocabularyPadding.PaddedRows(shape)];

        public void CopyLogits()
        {
            using var scope = NewDisposeScope();
            var host = Logits.Tensor.to(ScalarType.Float32).cpu().contiguous();
            System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(host.bytes).CopyTo(HostLogits);
        }

        public void Dispose()
        {
            foreach (var matrix in new[] { Stream, Norm, Branch, Qkv, Wide, Logits })
                matrix.Dispose();
        }
    }
}

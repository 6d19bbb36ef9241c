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
    ModelParameters parameters, IWorkingParameters working, Gpt2 model, ComputeBackend backend) : IDisposable
{
    private readonly ModelShape shape = parameters.Shape;
    private readonly DecodingWeights weights = new(working, parameters.Shape.LayerCount, backend.DecodingType);
    private readonly IKernels kernels = backend.Kernels;
    private readonly IRowMatmul matmul = backend.RowMatmul;
    private KeyValueCache? cache;
    private Buffers? buffers;
    private int position;

    /// <summary>
    /// Reads the prompt and returns the logits behind it: the same for all samples, each in its own row.
    /// </summary>
    public LogitRows Start(IReadOnlyList<int> prompt, int sampleCount, int positionCount)
    {
        End();
        cache = new KeyValueCache(shape, sampleCount, positionCount, backend.Type, backend.Memory);
        buffers = new Buffers(sampleCount, parameters, backend);
        using var space = new Workspace(backend, parameters, prompt.Count, false, false);
        var context = StepContext.ForEvaluation(prompt.Count);
        model.Forward(space, context, prompt.ToArray(), (layer, a) => cache.StorePrompt(layer, a.Qkv));
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
            matmul.Multiply(b.Norm, w.Qkv.Weight, b.Qkv);
            matmul.Multiply(b.Norm, w.Out.Weight, b.Branch);
            matmul.Multiply(b.Norm, w.Up.Weight, b.Mlp);
            matmul.Multiply(b.Mlp, w.Down.Weight, b.Branch);
        }

        matmul.MultiplyByTransposed(b.Norm, weights.Tokens, b.Logits);
        backend.Synchronize();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        End();
        weights.Dispose();
    }

    private void Block(int layer, DecodingWeights.Block w, Buffers b)
    {
        kernels.LayerNorm(b.Stream, w.Norm1, b.Statistics, b.Norm); // (S, C)
        Multiply(b.Norm, w.Qkv, b.Qkv); // (S, 3C)
        kernels.AddBias(b.Qkv, w.Qkv.Bias);
        var (keys, values) = cache!.Layer(layer); // each (S H P, D)
        kernels.AttendToCache(b.Qkv, keys, values, position, b.Norm); // (S, C)
        Multiply(b.Norm, w.Out, b.Branch); // (S, C)
        kernels.AddBranch(b.Stream, b.Branch, w.Out.Bias, Dropout.None, b.Stream); // (S, C)

        kernels.LayerNorm(b.Stream, w.Norm2, b.Statistics, b.Norm); // (S, C)
        Multiply(b.Norm, w.Up, b.Mlp); // (S, 4C)
        kernels.Gelu(b.Mlp, w.Up.Bias, b.Mlp); // (S, 4C)
        Multiply(b.Mlp, w.Down, b.Branch); // (S, C)
        kernels.AddBranch(b.Stream, b.Branch, w.Down.Bias, Dropout.None, b.Stream); // (S, C)
    }

    private void Multiply(Matrix x, LinearParameters w, Matrix y)
    {
        matmul.Multiply(x, w.Weight, y); // (S, O)
        if (w.Adapter is not { } adapter)
            return;
        var projected = buffers!.Projected!; // (S, R)
        backend.Matmul.MultiplyByTransposed(x, adapter.A, projected, parameters.Lora!.Scale);
        backend.Matmul.MultiplyByTransposed(projected, adapter.B, y, add: true); // (S, O)
    }

    private LogitRows Logits()
    {
        var b = buffers!;
        kernels.LayerNorm(b.Stream, weights.Outer.Norm, b.Statistics, b.Norm); // (S, C)
        matmul.MultiplyByTransposed(b.Norm, weights.Tokens, b.Logits); // (S, Vp)
        b.CopyLogits();
        return new LogitRows(b.HostLogits, b.Logits.Columns, shape.VocabularySize);
    }

    private void End()
    {
        cache?.Dispose();
        buffers?.Dispose();
    }

    /// <summary>Memory for one token's activations of every sample.</summary>
    private sealed class Buffers : IDisposable
    {
        private readonly List<Matrix> all = [];

        public Buffers(int samples, ModelParameters parameters, ComputeBackend backend)
        {
            var (width, vocabulary) = (parameters.Shape.Width, parameters.Shape.VocabularySize);
            Stream = New(width);
            Norm = New(width);
            Branch = New(width);
            Qkv = New(3 * width);
            Mlp = New(4 * width);
            Logits = New(VocabularyPadding.PaddedRows(vocabulary));
            Projected = parameters.Lora is { } lora ? New(lora.Rank) : null;
            all.Add(Statistics = BlockActivations.NewStatistics(backend, samples));
            HostLogits = new float[samples * Logits.Columns];

            Matrix New(int columns)
            {
                all.Add(backend.Memory.Matrix(samples, columns, backend.Type));
                return all[^1];
            }
        }

        public Matrix Stream { get; } // (S, C)

        public Matrix Norm { get; } // (S, C)

        public Matrix Branch { get; } // (S, C)

        public Matrix Qkv { get; } // (S, 3C)

        public Matrix Mlp { get; } // (S, 4C)

        public Matrix Logits { get; } // (S, Vp)

        public Matrix? Projected { get; } // (S, R)

        public Matrix Statistics { get; } // (2, S)

        public float[] HostLogits { get; }

        public void CopyLogits()
        {
            using var scope = NewDisposeScope();
            var host = Logits.Tensor.to(ScalarType.Float32).cpu().contiguous();
            System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(host.bytes).CopyTo(HostLogits);
        }

        public void Dispose() => all.ForEach(matrix => matrix.Dispose());
    }
}

using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Kernels;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Compute.Model;
using Gpt2Cluster.Core.Model;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Generation;

/// <summary>
/// Forward passes of one token for each of S texts, on top of their key/value caches. What comes out for a text is a
/// function of its own tokens, bit for bit: not of how many others there are, nor of its place among them. Every
/// operation works row by row, either by kernels of ours that do, or on matrices of one fixed number of rows.
/// Shapes: S texts, C channels.
/// </summary>
/// <param name="parameters">What the model has.</param>
/// <param name="working">Its parameters as they are now.</param>
/// <param name="model">Reads prompts: their many rows are bound by computing, and are never in eight bits.</param>
/// <param name="backend">The device.</param>
/// <param name="inEightBits">Whether the weights of products are rounded to eight bits.</param>
internal sealed class Decoder(
    ModelParameters parameters, IWorkingParameters working, Gpt2 model, ComputeBackend backend, bool inEightBits)
    : IDisposable
{
    private readonly ModelShape shape = parameters.Shape;
    private readonly DecodingWeights weights = new(working, parameters.Shape.LayerCount, backend, inEightBits);
    private readonly IKernels kernels = backend.Kernels;
    private DecodingBuffers? ofPrompts;
    private DecodingBuffers? ofTexts;

    /// <summary>Texts of one <see cref="Continue"/> at most.</summary>
    public int MostTexts => backend.DecodingRows ?? int.MaxValue;

    /// <summary>Threads that draw tokens.</summary>
    public ThreadTeam Team => backend.Team;

    /// <summary>Room for a text of that many tokens, the prompt's included; the caller disposes it.</summary>
    public KeyValueCache NewCache(int positionCount) => new(shape, positionCount, backend.Type, backend.Memory);

    /// <summary>Reads a prompt into the empty caches of the texts that begin with it.</summary>
    /// <returns>The logits behind the prompt, one row for all.</returns>
    public LogitRows Start(IReadOnlyList<int> prompt, IReadOnlyList<KeyValueCache> caches)
    {
        using var space = new Workspace(backend, parameters, prompt.Count, false, false);
        var context = StepContext.ForEvaluation(prompt.Count);
        model.Forward(space, context, prompt.ToArray(), (layer, a) =>
        {
            foreach (var cache in caches)
                cache.StorePrompt(layer, a.Qkv);
        });
        foreach (var cache in caches)
            cache.Advance(prompt.Count);
        ofPrompts ??= new DecodingBuffers(backend.DecodingRows ?? 1, parameters, backend);
        using var last = space.Stream(shape.LayerCount).SliceRows(prompt.Count - 1, 1); // (1, C)
        using var scope = NewDisposeScope();
        ofPrompts.StreamRows[0].Tensor.copy_(last.Tensor); // (1, C)
        return Logits(ofPrompts);
    }

    /// <summary>Reads one more token of each text and returns the logits behind them.</summary>
    /// <param name="caches">The texts' own, 1 to <see cref="MostTexts"/>.</param>
    /// <param name="tokens">Their tokens, in the same order.</param>
    public LogitRows Continue(IReadOnlyList<KeyValueCache> caches, ReadOnlyMemory<int> tokens)
    {
        var b = BuffersFor(caches.Count);
        for (var text = 0; text < caches.Count; text++)
        {
            using var here = weights.Outer.Positions.SliceRows(caches[text].Length, 1); // (1, C)
            kernels.Embed(
                tokens.Slice(text, 1), 1, weights.Outer.Tokens, here, Dropout.None, b.StreamRows[text]); // (1, C)
        }

        for (var layer = 0; layer < shape.LayerCount; layer++)
            Block(layer, weights.Blocks[layer], caches, b);
        foreach (var cache in caches)
            cache.Advance(1);
        return Logits(b);
    }

    /// <summary>Bytes of weights that one token of every text reads together.</summary>
    public long WeightBytes => weights.MatrixBytes;

    /// <summary>
    /// The products of one token of each of S texts alone, on whatever the buffers hold: what bounds
    /// <see cref="Continue"/>.
    /// </summary>
    public void MultiplyAll(int textCount)
    {
        var b = BuffersFor(textCount);
        foreach (var w in weights.Blocks)
        {
            w.Qkv.Product.Multiply(b.Norm, b.Qkv);
            w.Out.Product.Multiply(b.Norm, b.Branch);
            w.Up.Product.Multiply(b.Norm, b.Mlp);
            w.Down.Product.Multiply(b.Mlp, b.Branch);
        }

        weights.Head.Multiply(b.Norm, b.Logits);
        backend.Synchronize();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        ofPrompts?.Dispose();
        ofTexts?.Dispose();
        weights.Dispose();
    }

    private void Block(int layer, DecodingWeights.Block w, IReadOnlyList<KeyValueCache> caches, DecodingBuffers b)
    {
        kernels.LayerNorm(b.Stream, w.Norm1, b.Statistics, b.Norm); // (S, C)
        Multiply(b.Norm, w.Qkv, b.Qkv, b); // (S, 3C)
        kernels.AddBias(b.Qkv, w.Qkv.Bias);
        kernels.AttendToCaches(b.Qkv, [.. caches.Select(cache => cache.Layer(layer))], b.Attended); // (S, C)
        Multiply(b.Attended, w.Out, b.Branch, b); // (S, C)
        kernels.AddBranch(b.Stream, b.Branch, w.Out.Bias, Dropout.None, b.Stream); // (S, C)

        kernels.LayerNorm(b.Stream, w.Norm2, b.Statistics, b.Norm); // (S, C)
        Multiply(b.Norm, w.Up, b.Mlp, b); // (S, 4C)
        kernels.Gelu(b.Mlp, w.Up.Bias, b.Mlp); // (S, 4C)
        Multiply(b.Mlp, w.Down, b.Branch, b); // (S, C)
        kernels.AddBranch(b.Stream, b.Branch, w.Down.Bias, Dropout.None, b.Stream); // (S, C)
    }

    private void Multiply(Matrix x, DecodingLinear w, Matrix y, DecodingBuffers b)
    {
        w.Product.Multiply(x, y); // (S, O)
        if (w.Adapter is not { } adapter)
            return;

        // The library's products of several rows may add in another order than those of one.
        var rows = backend.DecodingRows ?? 1;
        for (var row = 0; row < b.Rows; row += rows)
        {
            using var from = x.SliceRows(row, rows);
            using var projected = b.Projected!.SliceRows(row, rows); // (rows, R)
            using var into = y.SliceRows(row, rows);
            backend.Matmul.MultiplyByTransposed(from, adapter.A, projected, parameters.Lora!.Scale);
            backend.Matmul.MultiplyByTransposed(projected, adapter.B, into, add: true); // (rows, O)
        }
    }

    private LogitRows Logits(DecodingBuffers b)
    {
        kernels.LayerNorm(b.Stream, weights.Outer.Norm, b.Statistics, b.Norm); // (S, C)
        weights.Head.Multiply(b.Norm, b.Logits); // (S, Vp)
        return b.LogitsOnHost(shape.VocabularySize);
    }

    private DecodingBuffers BuffersFor(int textCount)
    {
        var rows = backend.DecodingRows ?? textCount;
        if (ofTexts?.Rows == rows)
            return ofTexts;
        ofTexts?.Dispose();
        ofTexts = null;
        return ofTexts = new DecodingBuffers(rows, parameters, backend);
    }
}

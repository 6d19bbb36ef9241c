using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Memory;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Kernels;

/// <summary>
/// Attention on a CPU: batched products by libtorch, the softmax between them by a kernel of ours. A tile is all heads
/// and a fixed number of queries, with the keys up to its last query; the scores of one tile exist at a time, and the
/// backward pass computes them again from the sums that the forward pass leaves (Dao et al. 2022).
/// Shapes: N = B T rows, H heads, D channels of a head, C = H D, G = B H; a tile has R queries and P keys.
/// </summary>
/// <remarks>
/// libtorch's fused kernel on CPUs multiplies bf16 through fp32 and takes two and a half times as long forward and
/// backward (tests/benchmarks/NOTES.md).
/// </remarks>
internal sealed class TiledAttention<T> : IAttention
    where T : struct, IElement
{
    /// <summary>R, the last tile excepted; part of the bits, as it groups the sums over queries.</summary>
    public const int TileRows = 256;

    private readonly CausalSoftmaxKernel<T> softmax;
    private readonly Matrix qkv; // (N, 3C), the block's
    private readonly float[] logSums; // (G, T)
    private readonly int windows; // B
    private readonly int length; // T
    private readonly int heads; // H

    /// <summary>Attends.</summary>
    /// <param name="team">Runs the softmax.</param>
    /// <param name="qkv">(N, 3C): queries, keys and values side by side; must stay as it is until backward.</param>
    /// <param name="sequenceLength">T.</param>
    /// <param name="headCount">H.</param>
    public TiledAttention(ThreadTeam team, Matrix qkv, int sequenceLength, int headCount)
    {
        this.qkv = qkv;
        (windows, length, heads) = (qkv.Rows / sequenceLength, sequenceLength, headCount);
        logSums = new float[windows * heads * length];
        softmax = new CausalSoftmaxKernel<T>(team, 1 / MathF.Sqrt(qkv.Columns / 3 / headCount), length, logSums);
        using var scope = NewDisposeScope();
        Result = qkv.AllocateLike(qkv.Rows, qkv.Columns / 3);
        var (query, key, value) = Heads(); // each (G, T, D)
        for (var first = 0; first < length; first += TileRows)
        {
            using var tile = NewDisposeScope();
            var (count, end) = Tile(first);
            var scores = Scores(query, key, first); // (G, R, P)
            softmax.Forward(scores, first);
            var output = scores.bmm(value.narrow(1, 0, end)); // (G, R, D)
            ByHead(Result.Tensor).narrow(2, first, count).copy_(output.view(windows, heads, count, -1));
        }
    }

    /// <inheritdoc/>
    public Matrix Result { get; }

    /// <inheritdoc/>
    public void Backward(Matrix dresult, Matrix dqkv)
    {
        using var scope = NewDisposeScope();
        var (query, key, value) = Heads(); // each (G, T, D)
        var doutput = ByHead(dresult.Tensor).reshape(windows * heads, length, -1); // (G, T, D)
        var (dquery, dkey, dvalue) = (Part(dqkv, 0), Part(dqkv, 1), Part(dqkv, 2)); // each (B, H, T, D)
        Tensor? dkeySum = null, dvalueSum = null; // each (G, T, D)
        for (var first = (length - 1) / TileRows * TileRows; first >= 0; first -= TileRows)
        {
            using var tile = NewDisposeScope();
            var (count, end) = Tile(first);
            var dtile = doutput.narrow(1, first, count); // (G, R, D)
            var scores = Scores(query, key, first); // (G, R, P)
            var dscores = dtile.bmm(value.narrow(1, 0, end).transpose(1, 2)); // (G, R, P)
            softmax.Backward(scores, dscores, first);
            dvalueSum = Add(dvalueSum, scores.transpose(1, 2).bmm(dtile));
            dkeySum = Add(dkeySum, dscores.transpose(1, 2).bmm(query.narrow(1, first, count)));
            var output = dscores.bmm(key.narrow(1, 0, end)); // (G, R, D)
            dquery.narrow(2, first, count).copy_(output.view(windows, heads, count, -1));
        }

        dkey.copy_(dkeySum!.view(windows, heads, length, -1));
        dvalue.copy_(dvalueSum!.view(windows, heads, length, -1));
    }

    /// <inheritdoc/>
    public void Dispose() => Result.Dispose();

    /// <summary>How many queries a tile has and where its keys end: R and P.</summary>
    private (int Count, int End) Tile(int first)
    {
        var end = Math.Min(first + TileRows, length);
        return (end - first, end);
    }

    /// <summary>The scores of a tile before scale and mask: (G, R, P).</summary>
    private Tensor Scores(Tensor query, Tensor key, int first)
    {
        var (count, end) = Tile(first);
        return query.narrow(1, first, count).bmm(key.narrow(1, 0, end).transpose(1, 2));
    }

    /// <summary>Queries, keys and values, one head behind the other: each (G, T, D).</summary>
    private (Tensor Query, Tensor Key, Tensor Value) Heads()
    {
        return (Take(0), Take(1), Take(2));

        Tensor Take(int part) => Part(qkv, part).reshape(windows * heads, length, -1);
    }

    private Tensor Part(Matrix matrix, int part) =>
        ByHead(matrix.Tensor.narrow(1, part * (long)Result.Columns, Result.Columns));

    /// <summary>A matrix (N, C) as (B, H, T, D), without a copy.</summary>
    private Tensor ByHead(Tensor matrix) => matrix.view(windows, length, heads, -1).transpose(1, 2);

    /// <summary>
    /// Adds up over tiles, the last tile first, whose keys are all there are. More than one are added in fp32.
    /// </summary>
    private Tensor Add(Tensor? sum, Tensor product)
    {
        if (sum is null)
            return (length > TileRows ? product.to(ScalarType.Float32) : product).MoveToOuterDisposeScope();
        HeldNumber.Add(sum.narrow(1, 0, product.shape[1]), product);
        return sum;
    }
}

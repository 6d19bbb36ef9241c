using Gpt2Cluster.Compute.Kernels;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Compute.Model;
using Gpt2Cluster.Core.Model;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Torch;

/// <summary>
/// The kernels as operations on whole tensors: what a card runs. They work on a processor too, where tests hold them
/// against <see cref="CpuKernels{T}"/>. Nothing is recomputed for a backward pass, and libtorch's automatic
/// differentiation is not used: its errors on another thread end the process.
/// </summary>
internal sealed class TorchKernels(TorchOperators operators, BatchTokens tokens) : IKernels
{
    private readonly DropoutMasks masks = new(operators);

    /// <summary>Throws unless two matrices have one shape: libtorch would give a result's place another.</summary>
    public static void ThrowUnlessLike(Matrix x, Matrix y)
    {
        if (x.Rows != y.Rows || x.Columns != y.Columns)
            throw new ArgumentException($"{x.Rows} x {x.Columns} does not fit {y.Rows} x {y.Columns}.");
    }

    /// <inheritdoc/>
    public void Embed(
        ReadOnlyMemory<int> inputs, int sequenceLength, Matrix wte, Matrix wpe, Dropout dropout, Matrix x)
    {
        using var scope = NewDisposeScope();
        var rows = operators.Rows(wte.Tensor, tokens.OnDevice(inputs)); // (N, C)
        operators.Sum(Windows(rows, sequenceLength), Positions(wpe, sequenceLength), Windows(x.Tensor, sequenceLength));
        if (dropout.IsOn)
            operators.Scale(x.Tensor, masks.Of(dropout, x));
    }

    /// <inheritdoc/>
    public void EmbedBackward(
        ReadOnlyMemory<int> inputs, int sequenceLength, Matrix dx, Dropout dropout, Matrix dwte, Matrix dwpe)
    {
        using var scope = NewDisposeScope();
        var gradient = dropout.IsOn ? operators.Product(dx.Tensor, masks.Of(dropout, dx)) : dx.Tensor; // (N, C)
        var wide = gradient.dtype == ScalarType.Float32 ? gradient : operators.Converted(gradient, ScalarType.Float32);
        operators.AddTo(dwte.Tensor, operators.RowsBackward(wide, tokens.OnDevice(inputs), dwte.Rows)); // (Vp, C)
        operators.SumOverFirst(Windows(gradient, sequenceLength), Positions(dwpe, sequenceLength)); // (T, C)
        if (sequenceLength < dwpe.Rows)
            operators.Clear(dwpe.Tensor.narrow(0, sequenceLength, dwpe.Rows - sequenceLength));
    }

    /// <inheritdoc/>
    public void LayerNorm(Matrix x, NormViews w, Matrix statistics, Matrix y)
    {
        using var scope = NewDisposeScope();
        var (rows, mean, rstd) = operators.LayerNorm(
            x.Tensor, Flat(w.Gain), Flat(w.Bias), ModelShape.LayerNormEpsilon);
        y.Become(rows);
        statistics.Become(operators.Joined([mean.view(1, -1), rstd.view(1, -1)], 0)); // (2, N)
    }

    /// <inheritdoc/>
    public void LayerNormBackward(Matrix dy, Matrix x, NormViews w, Matrix statistics, Matrix dx, NormViews? dw)
    {
        using var scope = NewDisposeScope();
        var mean = statistics.Tensor.narrow(0, 0, 1).view(-1, 1); // (N, 1)
        var rstd = statistics.Tensor.narrow(0, 1, 1).view(-1, 1); // (N, 1)
        if (dw is null)
        {
            operators.AddTo(dx.Tensor, operators.LayerNormBackwardInput(
                dy.Tensor, x.Tensor, mean, rstd, Flat(w.Gain), Flat(w.Bias)));
            return;
        }

        var gradients = operators.LayerNormBackward(dy.Tensor, x.Tensor, mean, rstd, Flat(w.Gain), Flat(w.Bias));
        operators.AddTo(dx.Tensor, gradients.Input);
        operators.Copy(gradients.Gain, Flat(dw.Gain));
        operators.Copy(gradients.Bias, Flat(dw.Bias));
    }

    /// <inheritdoc/>
    public void AddBias(Matrix x, Matrix bias)
    {
        using var scope = NewDisposeScope();
        operators.AddTo(x.Tensor, bias.Tensor);
    }

    /// <inheritdoc/>
    public IAttention Attend(Matrix qkv, int sequenceLength, int headCount, bool forBackward) =>
        TorchAttention.Forward(operators, qkv, sequenceLength, headCount, forBackward);

    /// <inheritdoc/>
    public void AttendToCaches(Matrix qkv, IReadOnlyList<CachedLayer> caches, Matrix result)
    {
        for (var text = 0; text < caches.Count; text++)
        {
            using var scope = NewDisposeScope();
            Attend(qkv.Tensor.narrow(0, text, 1), caches[text], result.Tensor.narrow(0, text, 1));
        }
    }

    private void Attend(Tensor qkv, CachedLayer cache, Tensor result)
    {
        var (position, headWidth) = (cache.Length, cache.Keys.Columns);
        var heads = result.shape[1] / headWidth;
        var parts = qkv.view(1, 3, heads, 1, headWidth); // (1, 3, H, 1, D)
        var (keys, values) = (Cached(cache.Keys), Cached(cache.Values)); // each (1, H, P, D)
        operators.Copy(parts.select(1, 1), keys.narrow(2, position, 1)); // (1, H, 1, D)
        operators.Copy(parts.select(1, 2), values.narrow(2, position, 1)); // (1, H, 1, D)
        var output = operators.Attend(
            parts.select(1, 0), keys.narrow(2, 0, position + 1), values.narrow(2, 0, position + 1));
        operators.Copy(operators.InOrder(output).view(1, result.shape[1]), result); // (1, C)

        Tensor Cached(Matrix matrix) => matrix.Tensor.view(1, heads, -1, headWidth);
    }

    /// <inheritdoc/>
    public void Gelu(Matrix x, Matrix bias, Matrix y)
    {
        using var scope = NewDisposeScope();
        ThrowUnlessLike(x, y);
        operators.Gelu(operators.Sum(x.Tensor, bias.Tensor), y.Tensor);
    }

    /// <inheritdoc/>
    public void GeluBackward(Matrix x, Matrix bias, Matrix dy)
    {
        using var scope = NewDisposeScope();
        ThrowUnlessLike(x, dy);
        operators.GeluBackward(operators.Sum(x.Tensor, bias.Tensor), dy.Tensor);
    }

    /// <inheritdoc/>
    public void AddBranch(Matrix x, Matrix branch, Matrix bias, Dropout dropout, Matrix y)
    {
        using var scope = NewDisposeScope();
        operators.AddTo(branch.Tensor, bias.Tensor);
        AddBranch(x, branch, dropout, y);
    }

    /// <summary><c>y = x + branch * dropout</c>.</summary>
    public void AddBranch(Matrix x, Matrix branch, Dropout dropout, Matrix y)
    {
        using var scope = NewDisposeScope();
        ThrowUnlessLike(x, y);
        var kept = dropout.IsOn ? operators.Product(branch.Tensor, masks.Of(dropout, branch)) : branch.Tensor;
        operators.Sum(x.Tensor, kept, y.Tensor);
    }

    /// <inheritdoc/>
    public void DropoutBackward(Matrix dy, Dropout dropout, Matrix dbranch)
    {
        using var scope = NewDisposeScope();
        ThrowUnlessLike(dy, dbranch);
        if (dropout.IsOn)
            operators.Product(dy.Tensor, masks.Of(dropout, dy), dbranch.Tensor);
        else
            operators.Copy(dy.Tensor, dbranch.Tensor);
    }

    /// <inheritdoc/>
    public void AddDropped(Matrix x, Dropout dropout, Matrix y)
    {
        using var scope = NewDisposeScope();
        operators.AddTo(y.Tensor, dropout.IsOn ? operators.Product(x.Tensor, masks.Of(dropout, x)) : x.Tensor);
    }

    /// <inheritdoc/>
    public void Round(Matrix x, Matrix y)
    {
        using var scope = NewDisposeScope();
        operators.Copy(x.Tensor, y.Tensor);
    }

    /// <inheritdoc/>
    public void Clear(Matrix x)
    {
        using var scope = NewDisposeScope();
        operators.Clear(x.Tensor);
    }

    /// <inheritdoc/>
    public void SumRows(Matrix dy, Matrix dbias)
    {
        using var scope = NewDisposeScope();
        if (dbias.Columns != dy.Columns)
            throw new ArgumentException($"{dy.Columns} sums do not fit {dbias.Columns}.");
        operators.SumOverFirst(dy.Tensor, Flat(dbias));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private static Tensor Flat(Matrix vector) => vector.Tensor.view(-1);

    private static Tensor Windows(Tensor rows, int length) => rows.view(-1, length, rows.shape[1]); // (B, T, C)

    private static Tensor Positions(Matrix table, int length) => table.Tensor.narrow(0, 0, length); // (T, C)
}

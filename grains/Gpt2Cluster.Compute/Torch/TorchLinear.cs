using Gpt2Cluster.Compute.Kernels;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Compute.Model;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Torch;

/// <summary>
/// Linear layers on a device: the bias comes with the product, in one operator and with one rounding.
/// </summary>
internal sealed class TorchLinear(TorchOperators operators, TorchKernels kernels) : ILinear
{
    /// <inheritdoc/>
    public void Forward(Matrix x, LinearParameters w, LowRankTerm? term, Matrix y)
    {
        using var scope = NewDisposeScope();
        MultiplyAndAdd(x, w, y);
        Add(term, y);
    }

    /// <inheritdoc/>
    public void ForwardGelu(Matrix x, LinearParameters w, LowRankTerm? term, Matrix before, Matrix y)
    {
        using var scope = NewDisposeScope();
        MultiplyAndAdd(x, w, before);
        Add(term, before);
        TorchKernels.ThrowUnlessLike(before, y);
        operators.Gelu(before.Tensor, y.Tensor);
    }

    /// <inheritdoc/>
    public void ForwardBranch(
        Matrix x, LinearParameters w, LowRankTerm? term, Matrix stream, Dropout dropout, Matrix scratch, Matrix y)
    {
        using var scope = NewDisposeScope();
        MultiplyAndAdd(x, w, scratch);
        Add(term, scratch);
        kernels.AddBranch(stream, scratch, dropout, y);
    }

    /// <inheritdoc/>
    public void BackwardInput(Matrix dy, Matrix weight, LowRankTerm? term, Matrix dx)
    {
        using var scope = NewDisposeScope();
        operators.Multiply(dy.Tensor, weight.Transposed, dx.Tensor, 0, 1);
        Add(term, dx);
    }

    /// <inheritdoc/>
    public void BackwardGelu(Matrix dy, Matrix weight, LowRankTerm? term, Matrix before, Matrix bias, Matrix dx)
    {
        using var scope = NewDisposeScope();
        operators.Multiply(dy.Tensor, weight.Transposed, dx.Tensor, 0, 1);
        Add(term, dx);
        TorchKernels.ThrowUnlessLike(before, dx);
        operators.GeluBackward(before.Tensor, dx.Tensor); // The bias is in it.
    }

    /// <inheritdoc/>
    public void BackwardWeight(Matrix x, Matrix dy, Matrix dweight, Matrix dbias)
    {
        using var scope = NewDisposeScope();
        operators.Multiply(x.Transposed, dy.Tensor, dweight.Tensor, 0, 1);
        kernels.SumRows(dy, dbias);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private void MultiplyAndAdd(Matrix x, LinearParameters w, Matrix y)
    {
        if (y.Rows != x.Rows || y.Columns != w.Weight.Columns)
            throw new ArgumentException($"The product is {x.Rows} x {w.Weight.Columns}, its place another.");
        operators.MultiplyAndAdd(x.Tensor, w.Weight.Tensor, w.Bias.Tensor, y.Tensor);
    }

    private void Add(LowRankTerm? term, Matrix y)
    {
        if (term is null)
            return;
        if (term.IsTransposed)
        {
            operators.Multiply(term.Left.Tensor, term.Right.Transposed, y.Tensor, 1, 1);
            return;
        }

        if (!term.Dropout.IsOn)
        {
            operators.Multiply(term.Left.Tensor, term.Right.Tensor, y.Tensor, 1, 1);
            return;
        }

        using var product = y.AllocateLike(y.Rows, y.Columns); // (N, K)
        operators.Multiply(term.Left.Tensor, term.Right.Tensor, product.Tensor, 0, 1);
        kernels.AddDropped(product, term.Dropout, y);
    }
}

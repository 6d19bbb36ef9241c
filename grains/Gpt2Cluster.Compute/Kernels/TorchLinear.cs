using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Compute.Model;

namespace Gpt2Cluster.Compute.Kernels;

/// <summary>Linear layers as plain products with kernels behind them: any device, any shape.</summary>
internal sealed class TorchLinear(IMatmul matmul, IKernels kernels) : ILinear
{
    /// <inheritdoc/>
    public void Forward(Matrix x, LinearParameters w, LowRankTerm? term, Matrix y)
    {
        matmul.Multiply(x, w.Weight, y);
        Add(term, y);
        kernels.AddBias(y, w.Bias);
    }

    /// <inheritdoc/>
    public void ForwardGelu(Matrix x, LinearParameters w, LowRankTerm? term, Matrix before, Matrix y)
    {
        matmul.Multiply(x, w.Weight, before);
        Add(term, before);
        kernels.Gelu(before, w.Bias, y);
    }

    /// <inheritdoc/>
    public void ForwardBranch(
        Matrix x, LinearParameters w, LowRankTerm? term, Matrix stream, Dropout dropout, Matrix scratch, Matrix y)
    {
        matmul.Multiply(x, w.Weight, scratch);
        Add(term, scratch);
        kernels.AddBranch(stream, scratch, w.Bias, dropout, y);
    }

    /// <inheritdoc/>
    public void BackwardInput(Matrix dy, Matrix weight, LowRankTerm? term, Matrix dx)
    {
        matmul.MultiplyByTransposed(dy, weight, dx);
        Add(term, dx);
    }

    /// <inheritdoc/>
    public void BackwardGelu(Matrix dy, Matrix weight, LowRankTerm? term, Matrix before, Matrix bias, Matrix dx)
    {
        matmul.MultiplyByTransposed(dy, weight, dx);
        Add(term, dx);
        kernels.GeluBackward(before, bias, dx);
    }

    /// <inheritdoc/>
    public void BackwardWeight(Matrix x, Matrix dy, Matrix dweight, Matrix dbias)
    {
        matmul.MultiplyTransposed(x, dy, dweight);
        kernels.SumRows(dy, dbias);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private void Add(LowRankTerm? term, Matrix y)
    {
        if (term is null)
            return;
        if (term.IsTransposed)
        {
            matmul.MultiplyByTransposed(term.Left, term.Right, y, add: true);
            return;
        }

        using var product = y.AllocateLike(y.Rows, y.Columns); // (N, K)
        matmul.Multiply(term.Left, term.Right, product);
        kernels.AddDropped(product, term.Dropout, y);
    }
}

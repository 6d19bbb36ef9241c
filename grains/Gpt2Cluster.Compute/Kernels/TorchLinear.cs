using Gpt2Cluster.Compute.Memory;

namespace Gpt2Cluster.Compute.Kernels;

/// <summary>Linear layers as libtorch's products with kernels behind them: any device, any shape.</summary>
internal sealed class TorchLinear(IKernels kernels) : ILinear
{
    /// <inheritdoc/>
    public void Forward(Matrix x, Matrix weight, Matrix bias, Matrix y)
    {
        Products.Multiply(x, weight, y);
        kernels.AddBias(y, bias);
    }

    /// <inheritdoc/>
    public void ForwardGelu(Matrix x, Matrix weight, Matrix bias, Matrix before, Matrix y)
    {
        Products.Multiply(x, weight, before);
        kernels.Gelu(before, bias, y);
    }

    /// <inheritdoc/>
    public void ForwardBranch(
        Matrix x, Matrix weight, Matrix bias, Matrix stream, Dropout dropout, Matrix scratch, Matrix y)
    {
        Products.Multiply(x, weight, scratch);
        kernels.AddBranch(stream, scratch, bias, dropout, y);
    }

    /// <inheritdoc/>
    public void BackwardInput(Matrix dy, Matrix weight, Matrix dx) => Products.MultiplyByTransposed(dy, weight, dx);

    /// <inheritdoc/>
    public void BackwardGelu(Matrix dy, Matrix weight, Matrix before, Matrix bias, Matrix dx)
    {
        Products.MultiplyByTransposed(dy, weight, dx);
        kernels.GeluBackward(before, bias, dx);
    }

    /// <inheritdoc/>
    public void BackwardWeight(Matrix x, Matrix dy, Matrix dweight, Matrix dbias)
    {
        Products.MultiplyTransposed(x, dy, dweight);
        kernels.SumRows(dy, dbias);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}

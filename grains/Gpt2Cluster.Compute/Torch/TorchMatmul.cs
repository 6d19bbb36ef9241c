using Gpt2Cluster.Compute.Kernels;
using Gpt2Cluster.Compute.Memory;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Torch;

/// <summary>Plain products on a device.</summary>
internal sealed class TorchMatmul(TorchOperators operators) : IMatmul
{
    /// <inheritdoc/>
    public void Multiply(Matrix a, Matrix b, Matrix c, double factor = 1)
    {
        using var scope = NewDisposeScope();
        operators.Multiply(a.Tensor, b.Tensor, c.Tensor, 0, (float)factor);
    }

    /// <inheritdoc/>
    public void MultiplyByTransposed(Matrix a, Matrix b, Matrix c, double factor = 1, bool add = false)
    {
        using var scope = NewDisposeScope();
        operators.Multiply(a.Tensor, b.Transposed, c.Tensor, add ? 1 : 0, (float)factor);
    }

    /// <inheritdoc/>
    public void MultiplyTransposed(Matrix a, Matrix b, Matrix c, bool add = false)
    {
        using var scope = NewDisposeScope();
        if (c.Tensor.dtype == a.Tensor.dtype)
            operators.Multiply(a.Transposed, b.Tensor, c.Tensor, add ? 1 : 0, 1);
        else if (add)
            operators.AddTo(c.Tensor, operators.Multiply(a.Transposed, b.Tensor)); // One rounding of many.
        else
            operators.Copy(operators.Multiply(a.Transposed, b.Tensor), c.Tensor);
    }
}

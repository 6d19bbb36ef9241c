using Gpt2Cluster.Compute.Memory;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Kernels;

/// <summary>Plain matrix products into memory that is there; each may be multiplied by a factor.</summary>
internal interface IMatmul
{
    /// <summary><c>c = factor a b</c>.</summary>
    void Multiply(Matrix a, Matrix b, Matrix c, double factor = 1);

    /// <summary><c>c = factor a b^T</c>, or <c>c += factor a b^T</c>.</summary>
    void MultiplyByTransposed(Matrix a, Matrix b, Matrix c, double factor = 1, bool add = false);

    /// <summary><c>c = a^T b</c>, or <c>c += a^T b</c>; c may be fp32 where a and b are bf16.</summary>
    void MultiplyTransposed(Matrix a, Matrix b, Matrix c, bool add = false);
}

/// <summary>The products by libtorch.</summary>
internal sealed class Matmul : IMatmul
{
    /// <inheritdoc/>
    public void Multiply(Matrix a, Matrix b, Matrix c, double factor = 1)
    {
        using var scope = NewDisposeScope();
        c.Tensor.addmm_(a.Tensor, b.Tensor, 0, (float)factor);
    }

    /// <inheritdoc/>
    public void MultiplyByTransposed(Matrix a, Matrix b, Matrix c, double factor = 1, bool add = false)
    {
        using var scope = NewDisposeScope();
        c.Tensor.addmm_(a.Tensor, b.Transposed, add ? 1 : 0, (float)factor);
    }

    /// <inheritdoc/>
    public void MultiplyTransposed(Matrix a, Matrix b, Matrix c, bool add = false)
    {
        using var scope = NewDisposeScope();
        if (c.Tensor.dtype == a.Tensor.dtype)
            c.Tensor.addmm_(a.Transposed, b.Tensor, add ? 1 : 0, 1);
        else if (add)
            HeldNumber.Add(c.Tensor, a.Transposed.mm(b.Tensor)); // Such a product is not there; one rounding of many.
        else
            c.Tensor.copy_(a.Transposed.mm(b.Tensor));
    }
}

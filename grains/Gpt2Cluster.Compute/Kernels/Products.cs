using Gpt2Cluster.Compute.Memory;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Kernels;

/// <summary>
/// The three matrix products of a linear layer and its gradients, by libtorch, into memory that is there.
/// </summary>
internal static class Products
{
    /// <summary><c>c = a b</c>.</summary>
    public static void Multiply(Matrix a, Matrix b, Matrix c)
    {
        using var scope = NewDisposeScope();
        c.Tensor.addmm_(a.Tensor, b.Tensor, 0, 1);
    }

    /// <summary><c>c = a b^T</c>.</summary>
    public static void MultiplyByTransposed(Matrix a, Matrix b, Matrix c)
    {
        using var scope = NewDisposeScope();
        c.Tensor.addmm_(a.Tensor, b.Transposed, 0, 1);
    }

    /// <summary><c>c = a^T b</c>, or <c>c += a^T b</c>.</summary>
    public static void MultiplyTransposed(Matrix a, Matrix b, Matrix c, bool add = false)
    {
        using var scope = NewDisposeScope();
        c.Tensor.addmm_(a.Transposed, b.Tensor, add ? 1 : 0, 1);
    }
}

using TorchSharp;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Memory;

/// <summary>
/// Numbers as libtorch takes them, held until the call is over: of one that TorchSharp makes on the way nobody would,
/// and the collector may take it away while libtorch reads it. Sums have one too, the second term's factor.
/// </summary>
internal static class HeldNumber
{
    /// <summary>Calls with a number of fp64.</summary>
    public static Tensor With(double number, Func<Scalar, Tensor> operation)
    {
        using var held = number.ToScalar();
        return operation.Invoke(held);
    }

    /// <summary>Calls with an integer.</summary>
    public static Tensor With(long number, Func<Scalar, Tensor> operation)
    {
        using var held = number.ToScalar();
        return operation.Invoke(held);
    }

    /// <summary><c>x += y</c>; y is broadcast.</summary>
    public static Tensor Add(Tensor x, Tensor y) => With(1L, factor => x.add_(y, factor));
}

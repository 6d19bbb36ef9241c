using Gpt2Cluster.Compute.Memory;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Tests.Fused;

/// <summary>bf16 matrices of random numbers, and what they hold as fp32.</summary>
internal static class NarrowValues
{
    /// <summary>Where they lie.</summary>
    public static readonly HostMemory Host = new();

    public static Matrix Random(int rows, int columns, ulong seed, float deviation = 1)
    {
        using var generator = new Generator(seed);
        using var scope = NewDisposeScope();
        return Host.Wrap((randn([rows, columns], generator: generator) * deviation).to(ScalarType.BFloat16));
    }

    public static Matrix Empty(int rows, int columns)
    {
        var matrix = Host.Matrix(rows, columns, ScalarType.BFloat16);
        using var scope = NewDisposeScope();
        matrix.Tensor.fill_(float.NaN); // What is not written is found.
        return matrix;
    }

    public static Tensor Wide(Matrix matrix) => matrix.Tensor.to(ScalarType.Float32);

    /// <summary>Every element within a part of the largest one.</summary>
    public static void AssertClose(Tensor expected, Matrix found, double tolerance)
    {
        using var scope = NewDisposeScope();
        var distance = (expected - Wide(found)).abs().max().item<float>();
        var bound = tolerance * expected.abs().max().item<float>();
        Assert.True(distance <= bound, $"a distance of {distance}, where {bound} is allowed");
    }
}

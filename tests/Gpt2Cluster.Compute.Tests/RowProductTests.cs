using System.Runtime.Intrinsics;
using CsCheck;
using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Kernels;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Specification;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Tests;

/// <summary>Products of a few rows against dumb twins, bit for bit, whatever the sizes and threads.</summary>
public sealed class RowProductTests
{
    [Theory]
    [InlineData(Precision.Float32, false)]
    [InlineData(Precision.BFloat16, false)]
    [InlineData(Precision.BFloat16, true)]
    public void A_product_adds_up_in_the_order_that_its_definition_says(Precision precision, bool multipliesBFloat16)
    {
        var widths = Gen.OneOf(Gen.Int[1, 70], Gen.Int[1, 5].Select(blocks => 32 * blocks));
        var sizes = Gen.Select(widths, Gen.Int[1, 300], Gen.Int[1, 18], Gen.Int[1, 3], Gen.Int[0, 99]);
        sizes.Sample(
            size =>
            {
                TorchRuntime.Prepare(size.Item4);
                var shape = new ModelShape(97, 24, 32, 2, 2);
                using var backend = new PortableCpuBackend(precision, size.Item4, multipliesBFloat16, shape);
                AssertProduct(backend, RowProductUse.Layer, size.Item1, size.Item2, size.Item3, size.Item5);
                AssertProduct(backend, RowProductUse.Head, size.Item1, size.Item2, size.Item3, size.Item5);
            },
            iter: 80,
            threads: 1);
    }

    private static void AssertProduct(
        ComputeBackend backend, RowProductUse use, int inputs, int outputs, int rows, int seed)
    {
        using var mode = no_grad();
        var random = new Random(seed);
        Matrix New(int count, int columns)
        {
            var numbers = Enumerable.Range(0, count * columns).Select(_ => (float)(random.NextDouble() - 0.5));
            using var scope = NewDisposeScope();
            return backend.Memory.Wrap(tensor([.. numbers], [count, columns]).to(backend.Type));
        }

        var layer = use == RowProductUse.Layer;
        var result = layer ? backend.Type : backend.LogitsType;
        using var x = New(rows, inputs);
        using var w = layer ? New(inputs, outputs) : New(outputs, inputs);
        using var y = backend.Memory.Matrix(rows, outputs, result);
        using var product = backend.NewRowProduct(w, use, inEightBits: false);
        product.Multiply(x, y);

        // The precision's own type is what a matrix is read in, whatever holds the activations.
        var read = backend.Precision == Precision.BFloat16 ? ScalarType.BFloat16 : ScalarType.Float32;
        using var weights = (layer ? w.Tensor.t() : w.Tensor).to(read).to(ScalarType.Float32).contiguous();
        var columns = weights.data<float>().ToArray().Chunk(inputs).ToArray();
        var numbers = x.Tensor.to(ScalarType.Float32).data<float>().ToArray().Chunk(inputs);
        float[] expected =
        [
            .. numbers.SelectMany(row => columns.Select(column => layer ? InOrder(row, column) : InParts(row, column))),
        ];
        using var rounded = tensor(expected, [rows, outputs]).to(result).to(ScalarType.Float32);
        Assert.Equal(rounded.data<float>().ToArray(), y.Tensor.to(ScalarType.Float32).data<float>().ToArray());
    }

    /// <summary>A layer's: fused products, input by input.</summary>
    private static float InOrder(float[] row, float[] column)
    {
        var sum = 0f;
        for (var input = 0; input < row.Length; input++)
            sum = MathF.FusedMultiplyAdd(row[input], column[input], sum);
        return sum;
    }

    /// <summary>The head's: 32 sums of whole rounds of inputs, the rest on the first eight, then all in one.</summary>
    private static float InParts(float[] row, float[] column)
    {
        var parts = new float[32];
        var whole = row.Length / 32 * 32;
        for (var input = 0; input < whole; input++)
            parts[input % 32] = MathF.FusedMultiplyAdd(row[input], column[input], parts[input % 32]);
        for (var input = whole; input < row.Length; input++)
            parts[(input - whole) % 8] += row[input] * column[input];
        var eight = Enumerable.Range(0, 8)
            .Select(lane => (parts[lane] + parts[8 + lane]) + (parts[16 + lane] + parts[24 + lane])).ToArray();
        return VectorMath.Sum(Vector256.Create(eight));
    }
}

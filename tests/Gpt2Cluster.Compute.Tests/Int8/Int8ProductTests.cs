using CsCheck;
using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Kernels;
using Gpt2Cluster.Compute.Kernels.Int8;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Specification;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Tests.Int8;

/// <summary>Products with weights of eight bits against dumb twins, bit for bit.</summary>
public sealed class Int8ProductTests
{
    /// <summary>Every way of multiplying that this processor has.</summary>
    public static TheoryData<string> Kernels => [.. Int8Kernel.Supported().Select(kernel => kernel.Name)];

    [Theory]
    [MemberData(nameof(Kernels))]
    public unsafe void Every_instruction_set_gives_the_exact_sums(string name)
    {
        var kernel = Int8Kernel.Supported().Single(one => one.Name == name).Sums;
        var random = new Random(1);
        foreach (var rowCount in Enumerable.Range(1, 9))
        {
            foreach (var pairs in new[] { 1, 2, 7, 384 })
            {
                var most = Int8Range.MostInput(2 * pairs);
                var rows = Enumerable.Range(0, rowCount * pairs * 2)
                    .Select(_ => (short)random.Next(-most, most + 1)).ToArray();
                var block = new byte[pairs * Int8Weights.PairBytes];
                random.NextBytes(block);
                AssertSums(kernel, rows, rowCount, [.. block.Select(one => (sbyte)one)], pairs);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void The_largest_sums_fit(string name)
    {
        var kernel = Int8Kernel.Supported().Single(one => one.Name == name).Sums;
        foreach (var inputs in new[] { 2, 768, 3072, 6400, 8190 })
        {
            var most = Int8Range.MostInput(inputs);
            Assert.InRange((long)most * Int8Range.MostWeight * inputs, 1, int.MaxValue);
            foreach (var (x, w) in new[] { (1, 1), (-1, 1), (1, -1), (-1, -1) })
            {
                short[] row = [.. Enumerable.Repeat((short)(x * most), inputs)];
                sbyte[] block = [.. Enumerable.Repeat((sbyte)(w * 127), inputs * Int8Weights.BlockOutputs)];
                AssertSums(kernel, row, 1, block, inputs / 2);
            }
        }
    }

    [Fact]
    public void The_fastest_instructions_of_the_processor_come_first() =>
        Assert.Equal(
            System.Runtime.Intrinsics.X86.Avx512BW.IsSupported ? "AVX-512BW"
            : System.Runtime.Intrinsics.X86.Avx2.IsSupported ? "AVX2" : "portable",
            Int8Kernel.Supported()[0].Name);

    [Theory]
    [InlineData(Precision.Float32, false)]
    [InlineData(Precision.BFloat16, false)]
    [InlineData(Precision.BFloat16, true)]
    public void A_product_is_what_its_definition_says(Precision precision, bool multipliesBFloat16)
    {
        var sizes = Gen.Select(Gen.Int[1, 70], Gen.Int[1, 70], Gen.Int[1, 18], Gen.Int[1, 3], Gen.Int[0, 99]);
        sizes.Sample(
            size =>
            {
                using var backend = NewBackend(precision, multipliesBFloat16, threads: size.Item4);
                foreach (var use in new[] { RowProductUse.Layer, RowProductUse.Head })
                    AssertProduct(backend, use, size.Item1, size.Item2, size.Item3, size.Item5);
            },
            iter: 60,
            threads: 1);
    }

    [Fact]
    public void Zeros_give_zeros_and_what_is_no_number_gives_none()
    {
        using var mode = no_grad();
        using var backend = NewBackend(Precision.Float32, false, 1);
        float[] numbers = [.. Enumerable.Range(0, 32).Select(index => index - 9.5f)];
        Assert.All(Product(new float[4], numbers), result => Assert.Equal(0, result));
        Assert.All(Product([1, 2, 3, 4], new float[32]), result => Assert.Equal(0, result));
        Assert.All(Product([1, float.NaN, 3, 4], numbers), result => Assert.True(float.IsNaN(result)));
        Assert.All(Product([1, float.PositiveInfinity, 3, 4], numbers), result => Assert.False(float.IsFinite(result)));
        numbers[5] = float.NaN; // The second input of the sixth output.
        var results = Product([1, 2, 3, 4], numbers);
        Assert.Equal([5], Enumerable.Range(0, 8).Where(output => float.IsNaN(results[output])));
        var tiny = Product([1e-42f, -1e-42f, 0, 1e-42f], [.. Enumerable.Repeat(1e30f, 32)]);
        Assert.All(tiny, result => Assert.InRange(result, 0, 1e-11f));

        float[] Product(float[] row, float[] weights)
        {
            using var x = Matrix(backend, row, 1, row.Length, ScalarType.Float32);
            using var w = Matrix(backend, weights, row.Length, 8, ScalarType.Float32);
            using var y = backend.Memory.Matrix(1, 8, ScalarType.Float32);
            using var product = backend.NewRowProduct(w, RowProductUse.Layer, inEightBits: true);
            product.Multiply(x, y);
            return y.Tensor.data<float>().ToArray();
        }
    }

    [Fact]
    public void It_reads_a_byte_a_weight_and_a_scale_an_output()
    {
        using var mode = no_grad();
        using var backend = NewBackend(Precision.Float32, false, 1);
        using var w = Matrix(backend, new float[64 * 96], 64, 96, ScalarType.Float32);
        using var product = backend.NewRowProduct(w, RowProductUse.Layer, inEightBits: true);
        Assert.Equal((64 * 96) + (96 * sizeof(float)), product.Bytes);
    }

    private static unsafe void AssertSums(Int8Sums kernel, short[] rows, int rowCount, sbyte[] block, int pairs)
    {
        var sums = new int[rowCount * Int8Weights.BlockOutputs];
        fixed (short* x = rows)
        {
            fixed (sbyte* w = block)
            {
                fixed (int* into = sums)
                    kernel(x, 2 * pairs, rowCount, w, pairs, into);
            }
        }

        for (var row = 0; row < rowCount; row++)
        {
            for (var output = 0; output < Int8Weights.BlockOutputs; output++)
            {
                var sum = 0L;
                for (var input = 0; input < 2 * pairs; input++)
                {
                    var weight = block[(input / 2 * Int8Weights.PairBytes) + (2 * output) + (input % 2)];
                    sum += (long)rows[(row * 2 * pairs) + input] * weight;
                }

                Assert.Equal(sum, sums[(row * Int8Weights.BlockOutputs) + output]);
            }
        }
    }

    private static void AssertProduct(
        ComputeBackend backend, RowProductUse use, int inputs, int outputs, int rows, int seed)
    {
        using var mode = no_grad();
        var random = new Random(seed);
        float[] Numbers(int count) => [.. Enumerable.Range(0, count)
            .Select(_ => (float)((random.NextDouble() - 0.5) * Math.Exp(random.NextDouble() * 6)))];
        var layer = use == RowProductUse.Layer;
        var result = layer ? backend.Type : backend.LogitsType;
        using var x = Matrix(backend, Numbers(rows * inputs), rows, inputs, backend.Type);
        using var w = Matrix(
            backend, Numbers(inputs * outputs), layer ? inputs : outputs, layer ? outputs : inputs, backend.Type);
        using var y = backend.Memory.Matrix(rows, outputs, result);
        using var product = backend.NewRowProduct(w, use, inEightBits: true);
        product.Multiply(x, y);
        var weights = (layer ? w.Tensor.t() : w.Tensor).to(ScalarType.Float32).contiguous().data<float>().ToArray();
        var expected = Twin(x.Tensor.to(ScalarType.Float32).data<float>().ToArray(), weights, inputs, outputs);
        using var rounded = tensor(expected, [rows, outputs]).to(result).to(ScalarType.Float32);
        Assert.Equal(rounded.data<float>().ToArray(), y.Tensor.to(ScalarType.Float32).data<float>().ToArray());
    }

    /// <summary>The definition: each row and each output by its largest magnitude, then integers.</summary>
    private static float[] Twin(float[] x, float[] weights, int inputs, int outputs)
    {
        var most = Int8Range.MostInput(inputs);
        return
        [
            .. x.Chunk(inputs).SelectMany(row => weights.Chunk(inputs).Select(output =>
            {
                var (integers, scale) = Integers(row, most);
                var (others, otherScale) = Integers(output, 127);
                var sum = integers.Zip(others, (one, other) => (long)one * other).Sum();
                return (float)sum * (otherScale * scale);
            })),
        ];
    }

    private static (int[] Integers, float Scale) Integers(float[] numbers, int most)
    {
        var largest = numbers.Max(MathF.Abs);
        var steps = most / largest;
        return ([.. numbers.Select(number => (int)MathF.Round(number * steps))], largest / most);
    }

    private static Matrix Matrix(ComputeBackend backend, float[] numbers, int rows, int columns, ScalarType type)
    {
        using var scope = NewDisposeScope();
        return backend.Memory.Wrap(tensor(numbers, [rows, columns]).to(type));
    }

    private static PortableCpuBackend NewBackend(Precision precision, bool multipliesBFloat16, int threads)
    {
        TorchRuntime.Prepare(threads);
        return new PortableCpuBackend(precision, threads, multipliesBFloat16, new ModelShape(97, 24, 32, 2, 2));
    }
}

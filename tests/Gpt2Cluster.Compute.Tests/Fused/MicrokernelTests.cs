using System.Runtime.InteropServices;
using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Kernels.Fused;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Tests.Fused;

/// <summary>The microkernel and the orders it takes, against plain loops.</summary>
public sealed unsafe class MicrokernelTests
{
    // Some units in the last place at one; bf16 keeps 2^-8.
    private const float FunctionTolerance = 5e-6f;

    public MicrokernelTests() => TorchRuntime.Prepare(1);

    [Fact]
    public void It_is_there_wherever_the_processor_multiplies_bf16()
    {
        if (OperatingSystem.IsLinux())
            Assert.Equal(CpuFeatures.MultipliesBFloat16, Microkernel.IsAvailable);
    }

    /// <summary>Sums of small integers are exact in any order.</summary>
    [Theory]
    [InlineData(1, 64, 32, false)]
    [InlineData(5, 64, 64, true)]
    [InlineData(64, 64, 768, false)]
    [InlineData(64, 32, 96, true)]
    [InlineData(384, 64, 192, true)]
    public void A_product_of_integers_is_exact(int rows, int columns, int depth, bool add)
    {
        var random = new Random(rows + depth);
        var (a, b) = (Integers(random, rows * depth), Integers(random, depth * columns));
        var (narrowA, narrowB) = (Narrow(a), Narrow(b));
        var packed = new ushort[depth * columns];
        var found = Enumerable.Repeat(3f, rows * columns).ToArray();
        fixed (ushort* left = narrowA, right = narrowB, into = packed)
        fixed (float* sums = found)
        {
            Packing.Interleave(right, columns, depth, depth, columns, into);
            Microkernel.Multiply(left, depth, into, columns, sums, columns, (rows, columns, depth), add);
            Microkernel.Release();
        }

        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
            {
                var expected = add ? 3f : 0;
                for (var k = 0; k < depth; k++)
                    expected += a[(row * depth) + k] * b[(k * columns) + column];
                Assert.Equal(expected, found[(row * columns) + column]);
            }
        }
    }

    [Theory]
    [InlineData(32, 32, 64)]
    [InlineData(31, 64, 64)]
    [InlineData(1, 32, 128)]
    [InlineData(70, 96, 96)]
    public void Rows_are_interleaved_and_padded_with_zeros(int rows, int padded, int columns)
    {
        var from = Numbers(rows * columns);
        var found = Enumerable.Repeat((ushort)9, padded * columns).ToArray();
        fixed (ushort* source = from, into = found)
            Packing.Interleave(source, columns, rows, padded, columns, into);
        for (var row = 0; row < padded; row++)
        {
            for (var column = 0; column < columns; column++)
            {
                var expected = row < rows ? from[(row * columns) + column] : 0;
                Assert.Equal(expected, found[(row / 2 * columns * 2) + (2 * column) + (row % 2)]);
            }
        }
    }

    [Theory]
    [InlineData(64, 64, 32)]
    [InlineData(37, 64, 64)]
    [InlineData(16, 16, 96)]
    public void Transposed_columns_are_interleaved_and_padded_with_zeros(int rows, int padded, int depth)
    {
        var from = Numbers(rows * depth);
        var found = Enumerable.Repeat((ushort)9, padded * depth).ToArray();
        fixed (ushort* source = from, into = found)
            Packing.InterleaveTransposed(source, depth, rows, padded, depth, into);
        for (var row = 0; row < padded; row++)
        {
            for (var k = 0; k < depth; k++)
            {
                var expected = row < rows ? from[(row * depth) + k] : 0;
                Assert.Equal(expected, found[(k / 2 * padded * 2) + (2 * row) + (k % 2)]);
            }
        }
    }

    [Theory]
    [InlineData(32, 32, 32)]
    [InlineData(33, 64, 48)]
    [InlineData(1, 32, 16)]
    public void A_transpose_is_padded_with_zeros(int rows, int padded, int columns)
    {
        var from = Numbers(rows * columns);
        var found = Enumerable.Repeat((ushort)9, padded * columns).ToArray();
        fixed (ushort* source = from, into = found)
            Packing.Transpose(source, columns, rows, padded, columns, into, padded);
        for (var row = 0; row < padded; row++)
        {
            for (var column = 0; column < columns; column++)
                Assert.Equal(row < rows ? from[(row * columns) + column] : 0, found[(column * padded) + row]);
        }
    }

    [Fact]
    public void Rounding_is_libtorchs_and_keeps_what_is_no_number()
    {
        float[] values =
        [
            0, -0f, 1, -1.00390625f, 1.01171875f, 3.3895314e38f, 1e-40f, float.MaxValue, float.PositiveInfinity,
            float.NegativeInfinity, float.NaN, BitConverter.UInt32BitsToSingle(0x7F800001), 0.1f, 1e20f, -7.7f, 65280,
        ];
        using var narrow = tensor(values).to(ScalarType.BFloat16);
        var expected = MemoryMarshal.Cast<byte, ushort>(narrow.bytes).ToArray();
        var found = new ushort[Lanes.Count];
        fixed (ushort* into = found)
            Lanes.Store(into, System.Runtime.Intrinsics.Vector512.Create(values));
        for (var i = 0; i < found.Length; i++)
        {
            if (float.IsNaN(values[i]))
                Assert.True(float.IsNaN(Lanes.Widen(found[i])));
            else
                Assert.Equal(expected[i], found[i]);
        }
    }

    [Fact]
    public void Powers_of_e_are_those_of_eight_lanes_and_keep_what_is_no_number()
    {
        for (var x = -90f; x < 90; x += 0.37f)
        {
            var eight = Kernels.VectorMath.Exp(System.Runtime.Intrinsics.Vector256.Create(x))[0];
            Assert.Equal(eight, Lanes.Exp(System.Runtime.Intrinsics.Vector512.Create(x))[7]);
        }

        Assert.True(float.IsNaN(Lanes.Exp(System.Runtime.Intrinsics.Vector512.Create(float.NaN))[3]));
    }

    [Fact]
    public void Gelu_and_its_slope_are_those_of_libtorch()
    {
        var values = Enumerable.Range(0, 16).Select(i => (i - 8) * 0.9f).ToArray();
        using var x = tensor(values).requires_grad_();
        using var y = x.gelu(TorchSharp.Modules.GELU.Approximate.tanh);
        using var gradient = autograd.grad([y.sum()], [x])[0];
        var lanes = System.Runtime.Intrinsics.Vector512.Create(values);
        var (found, foundSlope) = (Lanes.Gelu(lanes), Lanes.GeluDerivative(lanes));
        for (var i = 0; i < values.Length; i++)
        {
            Assert.Equal(y[i].item<float>(), found[i], FunctionTolerance);
            Assert.Equal(gradient[i].item<float>(), foundSlope[i], FunctionTolerance);
        }
    }

    [Fact]
    public void A_scratch_survives_a_demand_that_no_machine_meets()
    {
        using var scratch = new WorkerScratch();
        scratch.Reserve(128).Float32(32)[31] = 1;
        Assert.Throws<OutOfMemoryException>(() => { scratch.Reserve(1L << 60); });
        scratch.Reserve(64).Float32(16)[15] = 2;
    }

    [Fact]
    public void A_scratch_that_was_reserved_too_small_is_refused()
    {
        using var scratch = new WorkerScratch();
        Assert.Throws<InvalidOperationException>(() =>
        {
            var pieces = scratch.Reserve(Pieces.Size<float>(16));
            pieces.Float32(16);
            pieces.Float32(1);
        });
    }

    private static float[] Integers(Random random, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => (float)random.Next(-8, 9))];

    private static ushort[] Narrow(float[] values) =>
        [.. values.Select(value => (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16))];

    private static ushort[] Numbers(int count) => [.. Enumerable.Range(1, count).Select(value => (ushort)value)];
}

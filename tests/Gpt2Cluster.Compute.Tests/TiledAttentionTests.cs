using System.Runtime.InteropServices;
using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Kernels;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Compute.Torch;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Tests;

/// <summary>Our attention on a CPU against libtorch's fused kernel, forward and backward.</summary>
public sealed class TiledAttentionTests
{
    // fp32 rounding in another order of summation; results and gradients are of the order of one.
    private const float Tolerance = 2e-5f;

    // Half a unit in the last place of bf16 at two, a few times over: scores, probabilities and results are rounded.
    private const float NarrowTolerance = 0.06f;

    /// <summary>Windows, tokens, heads, channels of a head: one tile and several, full and not, odd widths.</summary>
    public static TheoryData<int, int, int, int> Shapes => new()
    {
        { 2, 1, 2, 8 },
        { 1, 7, 3, 5 },
        { 3, 64, 2, 16 },
        { 1, TiledAttention<Float32Element>.TileRows, 2, 8 },
        { 2, TiledAttention<Float32Element>.TileRows + 1, 1, 8 },
        { 1, (2 * TiledAttention<Float32Element>.TileRows) + 37, 2, 4 },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Results_and_gradients_are_those_of_the_fused_kernel(int windows, int length, int heads, int headWidth)
    {
        var (own, twin) = Both<Float32Element>(ScalarType.Float32, windows, length, heads, headWidth);
        AssertClose(twin, own, Tolerance);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void In_bf16_they_are_close_to_those_in_fp32(int windows, int length, int heads, int headWidth)
    {
        var (own, _) = Both<BFloat16Element>(ScalarType.BFloat16, windows, length, heads, headWidth);
        var (_, twin) = Both<Float32Element>(ScalarType.Float32, windows, length, heads, headWidth);
        AssertClose(twin, own, NarrowTolerance);
    }

    [Fact]
    public void Threads_do_not_change_a_bit_of_the_softmax()
    {
        using var scores = Values([6, 40, 56], 3);
        using var alone = scores.clone();
        using var shared = scores.clone();
        using var one = new ThreadTeam(1);
        using var three = new ThreadTeam(3);
        new CausalSoftmaxKernel<Float32Element>(one, 0.3f, 56, new float[6 * 56]).Forward(alone, 16);
        new CausalSoftmaxKernel<Float32Element>(three, 0.3f, 56, new float[6 * 56]).Forward(shared, 16);
        Assert.Equal(alone.bytes.ToArray(), shared.bytes.ToArray());
    }

    private static ((float[] Result, float[] Gradient) Own, (float[] Result, float[] Gradient) Twin) Both<T>(
        ScalarType type, int windows, int length, int heads, int headWidth)
        where T : struct, IElement
    {
        TorchRuntime.Prepare(2);
        using var mode = no_grad();
        using var team = new ThreadTeam(2);
        var (rows, width) = (windows * length, heads * headWidth);
        using var qkv = Memory.Wrap(Values([rows, 3 * width], 1).to(ScalarType.BFloat16).to(type));
        using var dresult = Memory.Wrap(Values([rows, width], 2).to(ScalarType.BFloat16).to(type));
        using var own = new TiledAttention<T>(team, qkv, length, heads);
        using var twin = TorchAttention.Forward(new TorchOperators(), qkv, length, heads, forBackward: true);
        return (Run(own, dresult), Run(twin, dresult));
    }

    private static (float[] Result, float[] Gradient) Run(IAttention attention, Matrix dresult)
    {
        using var dqkv = dresult.AllocateLike(dresult.Rows, 3 * dresult.Columns);
        attention.Backward(dresult, dqkv);
        return (Floats(attention.Result.Tensor), Floats(dqkv.Tensor));
    }

    private static readonly HostMemory Memory = new();

    private static Tensor Values(long[] shape, long seed)
    {
        using var generator = new Generator((ulong)seed);
        return randn(shape, generator: generator);
    }

    private static float[] Floats(Tensor tensor)
    {
        using var wide = tensor.to(ScalarType.Float32);
        return MemoryMarshal.Cast<byte, float>(wide.bytes).ToArray();
    }

    private static void AssertClose(
        (float[] Result, float[] Gradient) expected, (float[] Result, float[] Gradient) found, float tolerance)
    {
        Assert.All(expected.Result.Zip(found.Result), pair => Assert.Equal(pair.First, pair.Second, tolerance));
        Assert.All(expected.Gradient.Zip(found.Gradient), pair => Assert.Equal(pair.First, pair.Second, tolerance));
    }
}

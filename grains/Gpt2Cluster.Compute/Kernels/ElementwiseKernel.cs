using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Memory;

namespace Gpt2Cluster.Compute.Kernels;

/// <summary>Biases, GELU and the ends of the residual branches, row by row.</summary>
internal sealed unsafe class ElementwiseKernel<T>(ThreadTeam team)
    where T : struct, IElement
{
    private const int LeastElementsPerThread = 16_384;

    // An exponential and a division each.
    private const int LeastGelusPerThread = 4_096;

    // gelu(x) = x / 2 (1 + tanh(u)) = x sigmoid(2u) with u = sqrt(2 / pi) (x + 0.044715 x^3).
    private const float TwiceRoot = 1.5957691216f;
    private const float Cubic = 0.044715f;

    /// <summary><c>x += bias</c>.</summary>
    public void AddBias(Matrix x, Matrix bias) => ForRows(x, row =>
    {
        var inout = x.Row(row);
        var add = bias.Pointer;
        var count = x.Columns;
        for (var i = 0; i < count; i += 8)
            T.Store(inout, i, count, T.Load(inout, i, count) + T.Load(add, i, count));
    });

    /// <summary><c>y = gelu(x + bias)</c>.</summary>
    public void Gelu(Matrix x, Matrix bias, Matrix y) => ForRows(x, row =>
    {
        var from = x.Row(row);
        var add = bias.Pointer;
        var into = y.Row(row);
        var count = x.Columns;
        for (var i = 0; i < count; i += 8)
        {
            var value = T.Load(from, i, count) + T.Load(add, i, count);
            T.Store(into, i, count, value * Sigmoid(value));
        }
    }, LeastGelusPerThread);

    /// <summary><c>dy *= gelu'(x + bias)</c>.</summary>
    public void GeluBackward(Matrix x, Matrix bias, Matrix dy) => ForRows(x, row =>
    {
        var from = x.Row(row);
        var add = bias.Pointer;
        var inout = dy.Row(row);
        var count = x.Columns;
        for (var i = 0; i < count; i += 8)
        {
            var value = T.Load(from, i, count) + T.Load(add, i, count);
            var sigmoid = Sigmoid(value);
            var inner = Vector256.Create(TwiceRoot) + (value * value * (3 * Cubic * TwiceRoot));
            var gradient = sigmoid + (value * sigmoid * (Vector256<float>.One - sigmoid) * inner);
            T.Store(inout, i, count, T.Load(inout, i, count) * gradient);
        }
    });

    /// <summary><c>y = x + (branch + bias) * dropout</c>.</summary>
    public void AddBranch(Matrix x, Matrix branch, Matrix bias, Dropout dropout, Matrix y) => ForRows(x, row =>
    {
        var count = x.Columns;
        var from = x.Row(row);
        var add = branch.Row(row);
        var shift = bias.Pointer;
        var into = y.Row(row);
        var multipliers = stackalloc float[dropout.IsOn ? count + 8 : 0];
        FillMultipliers(dropout, row, count, multipliers);
        for (var i = 0; i < count; i += 8)
        {
            var value = T.Load(add, i, count) + T.Load(shift, i, count);
            if (dropout.IsOn)
                value *= Float32Element.Load((byte*)multipliers, i, count);
            T.Store(into, i, count, T.Load(from, i, count) + value);
        }
    });

    /// <summary><c>into = from * dropout</c>.</summary>
    public void Drop(Matrix from, Dropout dropout, Matrix into) => ForRows(from, row =>
    {
        var count = from.Columns;
        var multipliers = stackalloc float[count + 8];
        FillMultipliers(dropout, row, count, multipliers);
        for (var i = 0; i < count; i += 8)
        {
            var value = T.Load(from.Row(row), i, count) * Float32Element.Load((byte*)multipliers, i, count);
            T.Store(into.Row(row), i, count, value);
        }
    });

    /// <summary><c>y += x * dropout</c>.</summary>
    public void AddDropped(Matrix x, Dropout dropout, Matrix y) => ForRows(x, row =>
    {
        var count = x.Columns;
        var multipliers = stackalloc float[count + 8];
        new Span<float>(multipliers, count).Fill(1);
        FillMultipliers(dropout, row, count, multipliers);
        for (var i = 0; i < count; i += 8)
        {
            var value = T.Load(x.Row(row), i, count) * Float32Element.Load((byte*)multipliers, i, count);
            T.Store(y.Row(row), i, count, T.Load(y.Row(row), i, count) + value);
        }
    });

    /// <summary><c>y = x</c>, from fp32.</summary>
    public void Round(Matrix x, Matrix y) => ForRows(x, row =>
    {
        var count = x.Columns;
        for (var i = 0; i < count; i += 8)
            T.Store(y.Row(row), i, count, AnyLength<Float32Element>.Load(x.Row(row), i, count));
    });

    /// <summary>An activation's place in its stream is its place in the matrix.</summary>
    private static void FillMultipliers(Dropout dropout, int row, int count, float* multipliers)
    {
        if (!dropout.IsOn)
            return;
        var span = new Span<float>(multipliers, count);
        dropout.Stream.FillKeepMultipliers(span, (long)row * count, dropout.Probability);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Sigmoid(Vector256<float> x)
    {
        var minusTwiceU = x * VectorMath.MultiplyAdd(x * x, -Cubic * TwiceRoot, Vector256.Create(-TwiceRoot));
        return Vector256<float>.One / (Vector256<float>.One + VectorMath.Exp(minusTwiceU));
    }

    private void ForRows(Matrix x, Action<int> body, int leastElements = LeastElementsPerThread) =>
        team.For(x.Rows, Math.Max(1, leastElements / x.Columns), (from, to) =>
        {
            for (var row = from; row < to; row++)
                body(row);
        });
}

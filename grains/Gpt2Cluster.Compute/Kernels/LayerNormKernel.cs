using System.Runtime.Intrinsics;
using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Compute.Model;
using Gpt2Cluster.Core.Model;

namespace Gpt2Cluster.Compute.Kernels;

/// <summary>Layer normalisation (Ba, Kiros and Hinton 2016) over the channels of each row.</summary>
internal sealed unsafe class LayerNormKernel<T>(ThreadTeam team)
    where T : struct, IElement
{
    private const int BlockRows = RowSumKernel<T>.BlockRows;

    /// <summary>Normalises; keeps the rows' means and rstd in the two rows of the statistics.</summary>
    public void Forward(Matrix x, NormViews w, Matrix statistics, Matrix y) =>
        team.For(x.Rows, BlockRows / 2, (from, to) =>
        {
            var means = (float*)statistics.Row(0);
            var rstds = (float*)statistics.Row(1);
            for (var row = from; row < to; row++)
            {
                (means[row], rstds[row]) = Statistics(x.Row(row), x.Columns);
                Normalise(
                    x.Row(row), w.Gain.Pointer, w.Bias.Pointer, means[row], rstds[row], y.Row(row), x.Columns);
            }
        });

    /// <summary>
    /// Adds the input's gradient to <paramref name="dx"/>, writes those of gain and bias where they are wanted.
    /// </summary>
    public void Backward(Matrix dy, Matrix x, NormViews w, Matrix statistics, Matrix dx, NormViews? dw)
    {
        var blocks = (x.Rows + BlockRows - 1) / BlockRows;
        var stride = RowSumKernel<T>.Stride(x.Columns);
        var gains = new float[(long)blocks * stride];
        var biases = new float[(long)blocks * stride];
        team.For(blocks, 1, (from, to) =>
        {
            for (var block = from; block < to; block++)
            {
                fixed (float* dgains = &gains[(long)block * stride], dbiases = &biases[(long)block * stride])
                    BackwardBlock(block, dy, x, w.Gain, statistics, dx, (byte*)dgains, (byte*)dbiases);
            }
        });
        if (dw is null)
            return;
        RowSumKernel<T>.Combine(gains, blocks, dw.Gain);
        RowSumKernel<T>.Combine(biases, blocks, dw.Bias);
    }

    private static (float Mean, float Rstd) Statistics(byte* x, int count)
    {
        var sum = Vector256<float>.Zero;
        for (var i = 0; i < count; i += 8)
            sum += T.Load(x, i, count);
        var mean = VectorMath.Sum(sum) / count;
        var squares = Vector256<float>.Zero;
        var whole = count - (count % 8);
        for (var i = 0; i < whole; i += 8)
        {
            var centred = T.Load(x, i, count) - Vector256.Create(mean);
            squares += centred * centred;
        }

        var total = VectorMath.Sum(squares);
        var last = count > whole ? T.Load(x, whole, count) : default;
        for (var lane = 0; lane < count - whole; lane++)
            total += (last[lane] - mean) * (last[lane] - mean);
        return (mean, 1 / MathF.Sqrt((total / count) + ModelShape.LayerNormEpsilon));
    }

    private static void Normalise(byte* x, byte* gain, byte* bias, float mean, float rstd, byte* y, int count)
    {
        for (var i = 0; i < count; i += 8)
        {
            var normal = (T.Load(x, i, count) - Vector256.Create(mean)) * rstd;
            T.Store(y, i, count, (normal * T.Load(gain, i, count)) + T.Load(bias, i, count));
        }
    }

    private static void BackwardBlock(
        int block, Matrix dy, Matrix x, Matrix gain, Matrix statistics, Matrix dx, byte* dgain, byte* dbias)
    {
        var end = Math.Min(x.Rows, (block + 1) * BlockRows);
        for (var row = block * BlockRows; row < end; row++)
        {
            var (mean, rstd) = (((float*)statistics.Row(0))[row], ((float*)statistics.Row(1))[row]);
            BackwardRow(
                dy.Row(row), x.Row(row), gain.Pointer, mean, rstd, dx.Row(row), dgain, dbias, x.Columns);
        }
    }

    // With n = (x - mean) rstd and g = dy gain: dx = rstd (g - mean(g) - n mean(g n)).
    private static void BackwardRow(
        byte* dy, byte* x, byte* gain, float mean, float rstd, byte* dx, byte* dgain, byte* dbias, int count)
    {
        Vector256<float> sum = default, sumNormal = default;
        for (var i = 0; i < count; i += 8)
        {
            var normal = (T.Load(x, i, count) - Vector256.Create(mean)) * rstd;
            var gradient = T.Load(dy, i, count);
            var scaled = gradient * T.Load(gain, i, count);
            sum += scaled;
            sumNormal += scaled * normal;
            Float32Element.Store(dgain, i, count, Float32Element.Load(dgain, i, count) + (gradient * normal));
            Float32Element.Store(dbias, i, count, Float32Element.Load(dbias, i, count) + gradient);
        }

        var meanGradient = Vector256.Create(VectorMath.Sum(sum) / count);
        var meanNormal = Vector256.Create(VectorMath.Sum(sumNormal) / count);
        for (var i = 0; i < count; i += 8)
        {
            var normal = (T.Load(x, i, count) - Vector256.Create(mean)) * rstd;
            var scaled = T.Load(dy, i, count) * T.Load(gain, i, count);
            var through = (scaled - meanGradient - (normal * meanNormal)) * rstd;
            T.Store(dx, i, count, T.Load(dx, i, count) + through);
        }
    }
}

using System.Runtime.Intrinsics;
using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Memory;

namespace Gpt2Cluster.Compute.Kernels;

/// <summary>
/// Softmax, its loss and its gradient over the rows of a chunk of logits. The rows are padded to whole vectors, so the
/// last vector of the vocabulary may be read and written as a whole; the padding ends as zeros.
/// </summary>
internal sealed unsafe class CrossEntropyKernel<T>(ThreadTeam team)
    where T : struct, IElement
{
    // Sums of this many vectors go into fp64, so that fifty thousand terms lose nothing.
    private const int VectorsPerPart = 64;

    /// <summary>The losses; the logits become their gradient times <paramref name="scale"/> unless that is 0.</summary>
    public void Apply(
        Matrix logits, ReadOnlyMemory<int> targets, int vocabularySize, float scale, Memory<double> losses) =>
        team.For(logits.Rows, 1, (from, to) =>
        {
            for (var row = from; row < to; row++)
            {
                var target = targets.Span[row];
                var values = logits.Row(row);
                var largest = Largest(values, vocabularySize);
                var sum = SumOfExponentials(values, vocabularySize, largest);
                losses.Span[row] = Math.Log(sum) + largest - T.Read(values, target);
                if (scale != 0)
                    WriteGradient(values, vocabularySize, logits.Columns, largest, sum, target, scale);
            }
        });

    private static float Largest(byte* values, int count)
    {
        var largest = Vector256.Create(float.NegativeInfinity);
        var whole = count - (count % 8);
        for (var i = 0; i < whole; i += 8)
            largest = Vector256.Max(largest, T.Load(values, i, count));
        var result = VectorMath.Max(largest);
        var last = whole < count ? T.Load(values, whole, count) : default;
        for (var lane = 0; lane < count - whole; lane++)
            result = Math.Max(result, last[lane]);
        return result;
    }

    private static double SumOfExponentials(byte* values, int count, float largest)
    {
        var total = 0.0;
        var whole = count - (count % 8);
        for (var start = 0; start < whole; start += 8 * VectorsPerPart)
        {
            var part = Vector256<float>.Zero;
            for (var i = start; i < Math.Min(whole, start + (8 * VectorsPerPart)); i += 8)
                part += VectorMath.Exp(T.Load(values, i, count) - Vector256.Create(largest));
            total += VectorMath.Sum(part);
        }

        var last = whole < count ? VectorMath.Exp(T.Load(values, whole, count) - Vector256.Create(largest)) : default;
        for (var lane = 0; lane < count - whole; lane++)
            total += last[lane];
        return total;
    }

    private static void WriteGradient(
        byte* values, int count, int columns, float largest, double sum, int target, float scale)
    {
        var factor = (float)(scale / sum);
        var atTarget = VectorMath.Exp(Vector256.Create(T.Read(values, target) - largest))[0];
        for (var i = 0; i < count; i += 8)
        {
            var exponential = VectorMath.Exp(T.Load(values, i, count) - Vector256.Create(largest));
            T.Store(values, i, count, exponential * factor);
        }

        T.Write(values, target, (atTarget * factor) - scale);
        new Span<byte>(values + ((long)count * T.Bytes), (columns - count) * T.Bytes).Clear();
    }
}

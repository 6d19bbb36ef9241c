using System.Runtime.Intrinsics;
using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Memory;

namespace Gpt2Cluster.Compute.Kernels;

/// <summary>Tokens and positions in, rows out; and the gradient back into the rows it came from.</summary>
internal sealed unsafe class EmbeddingKernel<T>(ThreadTeam team)
    where T : struct, IElement
{
    private const int LeastColumnsPerThread = 64;
    private readonly ElementwiseKernel<T> elementwise = new(team);

    /// <summary><c>x = (wte[tokens] + wpe[0..T]) * dropout</c>.</summary>
    public void Forward(
        ReadOnlyMemory<int> tokens, int sequenceLength, Matrix wte, Matrix wpe, Dropout dropout, Matrix x)
    {
        team.For(x.Rows, 32, (from, to) =>
        {
            for (var row = from; row < to; row++)
            {
                var token = wte.Row(tokens.Span[row]);
                var position = wpe.Row(row % sequenceLength);
                var count = x.Columns;
                for (var i = 0; i < count; i += 8)
                    T.Store(x.Row(row), i, count, T.Load(token, i, count) + T.Load(position, i, count));
            }
        });
        if (dropout.IsOn)
            elementwise.Drop(x, dropout, x);
    }

    /// <summary>
    /// Every thread takes some columns of all rows, because one token may stand in many rows: so each sum has one
    /// order.
    /// </summary>
    public void Backward(ReadOnlyMemory<int> tokens, int sequenceLength, Matrix dx, Matrix dwte, Matrix dwpe)
    {
        var vectors = (dx.Columns + 7) / 8;
        team.For(vectors, LeastColumnsPerThread / 8, (from, to) =>
        {
            var end = Math.Min(to * 8, dx.Columns);
            AddTokens(tokens.Span, dx, dwte, from * 8, end);
            SumPositions(sequenceLength, dx, dwpe, from * 8, end);
        });
    }

    private static void AddTokens(ReadOnlySpan<int> tokens, Matrix dx, Matrix dwte, int from, int to)
    {
        for (var row = 0; row < dx.Rows; row++)
        {
            var into = dwte.Row(tokens[row]);
            for (var i = from; i < to; i += 8)
            {
                var sum = AnyLength<Float32Element>.Load(into, i, to) + T.Load(dx.Row(row), i, to);
                AnyLength<Float32Element>.Store(into, i, to, sum);
            }
        }
    }

    private static void SumPositions(int sequenceLength, Matrix dx, Matrix dwpe, int from, int to)
    {
        for (var position = 0; position < dwpe.Rows; position++)
        {
            for (var i = from; i < to; i += 8)
            {
                var sum = Vector256<float>.Zero;
                for (var row = position; position < sequenceLength && row < dx.Rows; row += sequenceLength)
                    sum += T.Load(dx.Row(row), i, to);
                T.Store(dwpe.Row(position), i, to, sum);
            }
        }
    }
}

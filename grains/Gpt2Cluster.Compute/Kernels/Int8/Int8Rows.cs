using System.Runtime.Intrinsics;
using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Memory;

namespace Gpt2Cluster.Compute.Kernels.Int8;

/// <summary>
/// Rows of activations as integers: each row by its own largest magnitude, to as many steps as a sum of 32 bits has
/// room for (<see cref="Int8Range"/>). Instructions that multiply integers exactly take pairs of 16 bits, so the
/// activations keep 12 bits or more for nothing. A row that holds a NaN or infinity has a scale of NaN or infinity.
/// </summary>
/// <param name="team">Shares the rows.</param>
internal sealed unsafe class Int8Rows(ThreadTeam team)
{
    private const int LeastElementsPerThread = 8_192;

    private short[] values = [];
    private float[] scales = [];

    /// <summary>Integers from row to row: K and what fills vectors up; an odd K is followed by a zero.</summary>
    public int Stride { get; private set; }

    /// <summary>The rows' integers.</summary>
    public ReadOnlySpan<short> Values => values;

    /// <summary>What an integer of each row stands for.</summary>
    public ReadOnlySpan<float> Scales => scales;

    /// <summary>Takes rows.</summary>
    /// <typeparam name="T">What they are held in.</typeparam>
    public void Take<T>(Matrix x)
        where T : struct, IElement
    {
        // A last vector may reach beyond its row, but not into the next one, which another thread may have written.
        Stride = (x.Columns + 7) / 8 * 8;
        if (values.Length < x.Rows * Stride)
            values = new short[x.Rows * Stride];
        if (scales.Length < x.Rows)
            scales = new float[x.Rows];
        var most = Int8Range.MostInput(x.Columns);
        team.For(x.Rows, Math.Max(1, LeastElementsPerThread / x.Columns), (from, to) =>
        {
            fixed (short* into = values)
            {
                for (var row = from; row < to; row++)
                    scales[row] = Quantise<T>(x.Row(row), x.Columns, most, into + (row * Stride));
            }
        });
    }

    private static float Quantise<T>(byte* row, int count, int most, short* into)
        where T : struct, IElement
    {
        var largest = Vector256<float>.Zero;
        for (var i = 0; i < count; i += 8)
            largest = Vector256.Max(largest, Vector256.Abs(T.Load(row, i, count)));
        var magnitude = LargestOf(largest);
        var steps = Vector256.Create(most / magnitude);
        for (var i = 0; i < count; i += 8)
        {
            var integers = ToIntegers(T.Load(row, i, count), steps, most);
            Vector128.Narrow(integers.GetLower(), integers.GetUpper()).Store(into + i);
        }

        if (count % 2 != 0)
            into[count] = 0;
        return magnitude / most;
    }

    /// <summary>Numbers to integers of at most a magnitude, to the nearest, half to even; a NaN is zero.</summary>
    public static Vector256<int> ToIntegers(Vector256<float> numbers, Vector256<float> steps, int most)
    {
        var integers = Vector256.ConvertToInt32(Vector256.Round(numbers * steps));
        return Vector256.Min(Vector256.Max(integers, Vector256.Create(-most)), Vector256.Create(most));
    }

    private static float LargestOf(Vector256<float> eight)
    {
        var largest = eight[0];
        for (var lane = 1; lane < 8; lane++)
            largest = MathF.Max(largest, eight[lane]);
        return largest;
    }
}

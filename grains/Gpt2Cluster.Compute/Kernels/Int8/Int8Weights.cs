using System.Runtime.Intrinsics;
using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Memory;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Kernels.Int8;

/// <summary>
/// A matrix in eight bits with a scale for each output: the output's largest magnitude is 127. It lies in the order in
/// which it is read: blocks of 32 outputs, in each the pairs of inputs one behind the other, of each pair two bytes for
/// every output. Inputs and outputs that fill up pairs and blocks are zero.
/// </summary>
internal sealed unsafe class Int8Weights : IDisposable
{
    /// <summary>Outputs of a block.</summary>
    public const int BlockOutputs = 32;

    /// <summary>Bytes of one pair of inputs in a block.</summary>
    public const int PairBytes = 2 * BlockOutputs;

    private readonly Matrix packed;
    private readonly Matrix scales;

    private Int8Weights(int inputs, int outputs, DeviceMemory memory)
    {
        (Inputs, Outputs, Pairs, Blocks) = (
            inputs, outputs, (inputs + 1) / 2, (outputs + BlockOutputs - 1) / BlockOutputs);
        packed = memory.Matrix(Blocks, Pairs * PairBytes, ScalarType.Int8);
        scales = memory.Matrix(1, Blocks * BlockOutputs, ScalarType.Float32);
    }

    /// <summary>K.</summary>
    public int Inputs { get; }

    /// <summary>M.</summary>
    public int Outputs { get; }

    /// <summary>Pairs of inputs.</summary>
    public int Pairs { get; }

    /// <summary>Blocks of outputs.</summary>
    public int Blocks { get; }

    /// <summary>Bytes of integers and scales.</summary>
    public long Bytes => packed.Bytes + scales.Bytes;

    /// <summary>The scales: one for each output, zero for those that fill up the last block.</summary>
    public float* Scales => (float*)scales.Pointer;

    /// <summary>One block's integers.</summary>
    public sbyte* Block(int block) => (sbyte*)packed.Row(block);

    /// <summary>Rounds a matrix of the processor's memory.</summary>
    /// <typeparam name="T">What it is held in.</typeparam>
    /// <param name="weight">The matrix.</param>
    /// <param name="use">How it lies.</param>
    /// <param name="team">Shares the work.</param>
    public static Int8Weights Of<T>(Matrix weight, RowProductUse use, ThreadTeam team)
        where T : struct, IElement
    {
        var (inputs, outputs) = use == RowProductUse.Layer
            ? (weight.Rows, weight.Columns)
            : (weight.Columns, weight.Rows);
        var result = new Int8Weights(inputs, outputs, weight.Memory);
        team.For(result.Blocks, 1, (from, to) =>
        {
            var numbers = new float[result.Pairs * PairBytes]; // (K, 32)
            fixed (float* into = numbers)
            {
                for (var block = from; block < to; block++)
                {
                    Collect<T>(weight, use, block * BlockOutputs, numbers);
                    for (var output = 0; output < BlockOutputs; output += 8)
                        result.Round(block, output, into + output);
                }
            }
        });
        return result;
    }

    /// <summary>Brings the numbers of a block's outputs together: (K, 32).</summary>
    private static void Collect<T>(Matrix weight, RowProductUse use, int first, float[] into)
        where T : struct, IElement
    {
        into.AsSpan().Clear();
        if (use == RowProductUse.Layer)
        {
            var count = Math.Min(BlockOutputs, weight.Columns - first);
            for (var input = 0; input < weight.Rows; input++)
            {
                for (var output = 0; output < count; output++)
                    into[(input * BlockOutputs) + output] = T.Read(weight.Row(input), first + output);
            }

            return;
        }

        for (var output = 0; output < Math.Min(BlockOutputs, weight.Rows - first); output++)
        {
            var row = weight.Row(first + output);
            for (var input = 0; input < weight.Columns; input++)
                into[(input * BlockOutputs) + output] = T.Read(row, input);
        }
    }

    /// <summary>Rounds eight outputs of a block.</summary>
    private void Round(int block, int output, float* numbers)
    {
        var largest = Vector256<float>.Zero;
        for (var input = 0; input < Inputs; input++)
            largest = Vector256.Max(largest, Vector256.Abs(Vector256.Load(numbers + (input * BlockOutputs))));
        (largest / Int8Range.MostWeight).Store(Scales + (block * BlockOutputs) + output);
        var steps = Vector256.Create((float)Int8Range.MostWeight) / largest;
        for (var pair = 0; pair < Pairs; pair++)
        {
            var first = numbers + (pair * PairBytes);
            var even = Int8Rows.ToIntegers(Vector256.Load(first), steps, Int8Range.MostWeight);
            var odd = Int8Rows.ToIntegers(Vector256.Load(first + BlockOutputs), steps, Int8Range.MostWeight);
            var both = ((even & Vector256.Create(0xFF)) | ((odd & Vector256.Create(0xFF)) << 8)).AsUInt32();
            var into = (ushort*)(Block(block) + (pair * PairBytes)) + output;
            Vector128.Narrow(both.GetLower(), both.GetUpper()).Store(into);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        packed.Dispose();
        scales.Dispose();
    }
}

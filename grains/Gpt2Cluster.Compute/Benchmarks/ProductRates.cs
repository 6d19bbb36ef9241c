using System.Diagnostics;
using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Compute.Model;
using static TorchSharp.torch;
using Device = Gpt2Cluster.Core.Ports.Device;
using StepBenchmarkOrder = Gpt2Cluster.Core.Ports.StepBenchmarkOrder;

namespace Gpt2Cluster.Compute.Benchmarks;

/// <summary>How fast this device multiplies matrices of a model's own shapes: the ceiling of a training step.</summary>
internal static class ProductRates
{
    private const int Repetitions = 10;

    /// <summary>
    /// The best rate over all shapes, 10^9 operations a second, by libtorch and by the backend's own layers; of each
    /// shape the median of ten.
    /// </summary>
    public static double Best(Device device, StepBenchmarkOrder order)
    {
        using var backend = ReplicaFactory.Backend(device, order.Precision, order.Threads, order.Shape);
        using var mode = no_grad();
        var (rows, width) = (order.BatchSize * order.SequenceLength, order.Shape.Width);
        var vocabulary = VocabularyPadding.PaddedRows(order.Shape.VocabularySize);
        var headRows = Math.Min(rows, ChunkedHeadLoss.ChunkRows);
        (int Rows, int Inner, int Columns)[] shapes =
        [
            (rows, width, 3 * width),
            (rows, width, width),
            (rows, width, 4 * width),
            (rows, 4 * width, width),
            (width, rows, 3 * width),
            (width, rows, 4 * width),
            (4 * width, rows, width),
            (headRows, width, vocabulary),
            (headRows, vocabulary, width),
            (vocabulary, headRows, width),
        ];
        (int In, int Out)[] layers = [(width, 3 * width), (width, width), (width, 4 * width), (4 * width, width)];
        return Math.Max(
            shapes.Max(shape => ProductRate(backend, shape.Rows, shape.Inner, shape.Columns)),
            layers.Max(layer => LayerRate(backend, rows, layer.In, layer.Out)));
    }

    private static double ProductRate(ComputeBackend backend, int rows, int inner, int columns)
    {
        using var a = Filled(backend, rows, inner);
        using var b = Filled(backend, inner, columns);
        using var c = Filled(backend, rows, columns);
        return Rate(backend, 2.0 * rows * inner * columns, () => backend.Matmul.Multiply(a, b, c));
    }

    private static double LayerRate(ComputeBackend backend, int rows, int inputs, int outputs)
    {
        using var dy = Filled(backend, rows, outputs);
        using var weight = Filled(backend, inputs, outputs);
        using var dx = Filled(backend, rows, inputs);
        return Rate(backend, 2.0 * rows * inputs * outputs, () => backend.Linear.BackwardInput(dy, weight, null, dx));
    }

    private static double Rate(ComputeBackend backend, double operations, Action multiply)
    {
        multiply();
        var seconds = new List<double>();
        for (var repetition = 0; repetition < Repetitions; repetition++)
        {
            backend.Synchronize();
            var start = Stopwatch.GetTimestamp();
            multiply();
            backend.Synchronize();
            seconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return operations / Medians.Of(seconds) / 1e9;
    }

    private static Matrix Filled(ComputeBackend backend, int rows, int columns)
    {
        var matrix = backend.Memory.Matrix(rows, columns, backend.Type);
        using var scope = NewDisposeScope();
        HeldNumber.With(0.01, number => matrix.Tensor.fill_(number));
        return matrix;
    }
}

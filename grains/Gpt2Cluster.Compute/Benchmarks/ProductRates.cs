using System.Diagnostics;
using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Kernels;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Compute.Model;
using static TorchSharp.torch;
using Device = Gpt2Cluster.Core.Ports.Device;

namespace Gpt2Cluster.Compute.Benchmarks;

/// <summary>How fast this device multiplies matrices of a model's own shapes: the ceiling of a training step.</summary>
internal static class ProductRates
{
    private const int Repetitions = 10;

    /// <summary>
    /// The best rate over all shapes, 10^9 operations a second, by libtorch and by the route's own layers; of each
    /// shape the median of ten.
    /// </summary>
    public static double Best(Device device, StepBenchmarkOptions options)
    {
        using var route = ReplicaFactory.Route(device, options.Precision, options.Threads, options.Shape);
        using var mode = no_grad();
        var (rows, width) = (options.BatchSize * options.SequenceLength, options.Shape.Width);
        var vocabulary = VocabularyPadding.PaddedRows(options.Shape);
        var headRows = Math.Min(rows, ChunkedVocabularyLoss.ChunkRows);
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
            shapes.Max(shape => ProductRate(route, shape.Rows, shape.Inner, shape.Columns)),
            layers.Max(layer => LayerRate(route, rows, layer.In, layer.Out)));
    }

    private static double ProductRate(ComputeRoute route, int rows, int inner, int columns)
    {
        using var a = Filled(route, rows, inner);
        using var b = Filled(route, inner, columns);
        using var c = Filled(route, rows, columns);
        return Rate(route, 2.0 * rows * inner * columns, () => Products.Multiply(a, b, c));
    }

    private static double LayerRate(ComputeRoute route, int rows, int inputs, int outputs)
    {
        using var dy = Filled(route, rows, outputs);
        using var weight = Filled(route, inputs, outputs);
        using var dx = Filled(route, rows, inputs);
        return Rate(route, 2.0 * rows * inputs * outputs, () => route.Linear.BackwardInput(dy, weight, dx));
    }

    private static double Rate(ComputeRoute route, double operations, Action multiply)
    {
        multiply();
        var seconds = new List<double>();
        for (var repetition = 0; repetition < Repetitions; repetition++)
        {
            route.Synchronize();
            var start = Stopwatch.GetTimestamp();
            multiply();
            route.Synchronize();
            seconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return operations / Medians.Of(seconds) / 1e9;
    }

    private static Matrix Filled(ComputeRoute route, int rows, int columns)
    {
        var matrix = Matrix.Allocate(rows, columns, route.Type, route.Device);
        using var scope = NewDisposeScope();
        matrix.Tensor.fill_(0.01f);
        return matrix;
    }
}

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

    /// <summary>The best rate over all shapes, 10^9 operations a second; of each shape the median of ten.</summary>
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
        return shapes.Max(shape => Rate(route, shape.Rows, shape.Inner, shape.Columns));
    }

    private static double Rate(ComputeRoute route, int rows, int inner, int columns)
    {
        using var a = Filled(route, rows, inner);
        using var b = Filled(route, inner, columns);
        using var c = Filled(route, rows, columns);
        Products.Multiply(a, b, c);
        var seconds = new List<double>();
        for (var repetition = 0; repetition < Repetitions; repetition++)
        {
            route.Synchronize();
            var start = Stopwatch.GetTimestamp();
            Products.Multiply(a, b, c);
            route.Synchronize();
            seconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return 2.0 * rows * inner * columns / Medians.Of(seconds) / 1e9;
    }

    private static Matrix Filled(ComputeRoute route, int rows, int columns)
    {
        var matrix = Matrix.Allocate(rows, columns, route.Type, route.Device);
        using var scope = NewDisposeScope();
        matrix.Tensor.fill_(0.01f);
        return matrix;
    }
}

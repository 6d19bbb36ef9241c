using System.Text.Json.Nodes;
using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Ports;

/// <summary>Training steps to time on one device.</summary>
/// <param name="DeviceIndex">The device.</param>
/// <param name="Shape">The model's shape.</param>
/// <param name="BatchSize">Windows a micro-batch.</param>
/// <param name="SequenceLength">Tokens a window.</param>
/// <param name="Precision">The products' precision.</param>
/// <param name="Threads">Intra-op threads.</param>
/// <param name="Steps">Steps, more than 2: the first two warm up.</param>
/// <param name="Scope">What is trained.</param>
/// <param name="Recompute">Whether blocks are computed again in the backward pass.</param>
public sealed record StepBenchmarkOrder(
    int DeviceIndex,
    ModelShape Shape,
    int BatchSize,
    int SequenceLength,
    Precision Precision,
    int Threads,
    int Steps,
    TrainingScope Scope,
    bool Recompute);

/// <summary>Generation to time on one device.</summary>
/// <param name="DeviceIndex">The device.</param>
/// <param name="Shape">The model's shape.</param>
/// <param name="Length">Tokens a sample.</param>
/// <param name="Count">Samples at once.</param>
/// <param name="Precision">How it decodes.</param>
/// <param name="Threads">Intra-op threads.</param>
public sealed record GenerateBenchmarkOrder(
    int DeviceIndex, ModelShape Shape, int Length, int Count, DecodingPrecision Precision, int Threads);

/// <summary>
/// The measurements of <c>bench</c>. All block, so they are called on a thread of their own; what they return has the
/// fields of the command line's contract.
/// </summary>
public interface IBenchmarks
{
    /// <summary>Times training steps.</summary>
    JsonObject Step(StepBenchmarkOrder order, CancellationToken cancellation);

    /// <summary>Bytes a second to a card and back; null for a processor.</summary>
    JsonObject? CopyRates(int deviceIndex);

    /// <summary>What the machine lets this process see of its cards.</summary>
    CudaSight LookAtCards();

    /// <summary>Times generation.</summary>
    JsonObject Generate(GenerateBenchmarkOrder order, CancellationToken cancellation);

    /// <summary>Times the averaging; every member calls it with the same numbers at about the same time.</summary>
    /// <param name="membership">The silos that take part.</param>
    /// <param name="floats">Values to average, 1 or more.</param>
    /// <param name="rounds">Rounds to measure, 1 or more.</param>
    /// <param name="beside">Begins what goes on during the measured rounds; it is disposed of behind the last.</param>
    /// <param name="cancellation">Ends a wait for the others.</param>
    JsonObject Exchange(
        ExchangeMembership membership,
        long floats,
        int rounds,
        Func<IDisposable> beside,
        CancellationToken cancellation);
}

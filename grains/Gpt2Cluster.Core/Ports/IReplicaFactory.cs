using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Specification;
using Orleans;

namespace Gpt2Cluster.Core.Ports;

/// <summary>A device of this process.</summary>
/// <param name="Index">0 and up.</param>
/// <param name="Kind"><c>cpu</c> or <c>cuda</c>.</param>
/// <param name="Name">For people: the processor's or card's name.</param>
/// <param name="Cores">Cores of a CPU share, 0 for a GPU.</param>
/// <param name="BFloat16IsFast">Whether bf16 is the better default here.</param>
/// <param name="Ordinal">The card's own number among the machine's cards; 0 for a CPU share.</param>
public sealed record Device(int Index, string Kind, string Name, int Cores, bool BFloat16IsFast, int Ordinal = 0)
{
    /// <summary>The card's facts; null for a CPU share.</summary>
    public CardDescription? Card { get; init; }

    /// <summary>Whether it computes apart from the threads that ask it to.</summary>
    public bool IsCard => Card is not null;

    /// <summary>
    /// What it shares with the devices that may compute the same bits: the processor's instruction set, or the card's
    /// model (<see cref="CardProfile.DeviceClass"/>); empty if nobody knows.
    /// </summary>
    public string Class { get; init; } = "";

    /// <summary>Whether a processor computes as a card does, by operators on whole tensors: for tests.</summary>
    public bool ActsAsCard { get; init; }

    /// <summary>Whether it has products with weights of eight bits: processors do.</summary>
    public bool DecodesInEightBits => Kind == "cpu" && !ActsAsCard;

    /// <summary>Greater is faster among devices of one kind; 0 if nobody knows.</summary>
    public int SpeedRank { get; init; }
}

/// <summary>
/// Everything about a worker that can change the bits of a gradient. Two workers of one run must have equal profiles
/// (unless the run says <c>--exact off</c>).
/// </summary>
/// <param name="DeviceClass"><c>cpu</c>, or the card's class (<see cref="CardProfile.DeviceClass"/>).</param>
/// <param name="InstructionSet">What libtorch uses there, such as <c>AVX512</c>, or what multiplies on the
/// card.</param>
/// <param name="Precision">The products' precision.</param>
/// <param name="Threads">Intra-op threads a worker.</param>
/// <param name="TorchVersion">libtorch's version.</param>
/// <param name="Fingerprint">SHA-256, lower-case hexadecimal, of the gradient of a canonical micro-batch.</param>
/// <param name="Arithmetic">
/// The version of our own arithmetic at that precision; 1 in what was stored before there was one. A run goes on
/// under a newer one, with other bits from there on.
/// </param>
/// <param name="RepeatsItself">
/// Whether the canonical micro-batches gave the same gradients when they were computed a second time. A device that
/// does not repeat itself is broken, or runs what nobody made repeatable; its fingerprint says nothing.
/// </param>
[GenerateSerializer, Immutable, Alias("gpt2.compute-profile.v1")]
public sealed record ComputeProfile(
    string DeviceClass,
    string InstructionSet,
    Precision Precision,
    int Threads,
    string TorchVersion,
    string Fingerprint,
    int Arithmetic = 1,
    bool RepeatsItself = true) : StoredRecord
{
    /// <summary>The version of our arithmetic at a precision: 2 in bf16, where embedding gradients are summed in
    /// fp32.</summary>
    public static int ArithmeticOf(Precision precision) => precision == Precision.BFloat16 ? 2 : 1;

    /// <summary>
    /// Whether the other is of an equal device and newer arithmetic, of which the fingerprint is a consequence.
    /// </summary>
    public bool IsOlderThan(ComputeProfile other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return Arithmetic < other.Arithmetic
            && this with { Arithmetic = other.Arithmetic, Fingerprint = other.Fingerprint } == other;
    }
}

/// <summary>Makes replicas on the devices of this process.</summary>
public interface IReplicaFactory
{
    /// <summary>The devices, by index.</summary>
    IReadOnlyList<Device> Devices { get; }

    /// <summary>The profile of a device; computes the fingerprint, so call it on the worker's compute thread.</summary>
    ComputeProfile Profile(int deviceIndex, Precision precision, int threads);

    /// <summary>Makes a replica, all zeros, at step 0, on the calling thread, which then owns it.</summary>
    /// <exception cref="ArgumentException">The options do not fit the device or the model.</exception>
    IReplica Create(int deviceIndex, ReplicaOptions options);

    /// <summary>Tensors alive in this process: a leak shows here.</summary>
    long LiveTensorCount { get; }
}

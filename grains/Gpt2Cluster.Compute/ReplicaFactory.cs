using System.Reflection;
using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Specification;
using static TorchSharp.torch;
using Device = Gpt2Cluster.Core.Ports.Device;

namespace Gpt2Cluster.Compute;

/// <summary>The devices of this process, and replicas on them.</summary>
public sealed class ReplicaFactory : IReplicaFactory
{
    private readonly BackendOf backendOf;
    private readonly Func<Device, IReadOnlyList<ModelShape>> fingerprintShapes;

    /// <summary>Offers the given devices.</summary>
    /// <param name="devices">Index i of the list must have index i.</param>
    public ReplicaFactory(IReadOnlyList<Device> devices)
        : this(devices, Backend, Fingerprint.Shapes)
    {
    }

    /// <summary>The same with other backends and fingerprints over other shapes, as tests have them.</summary>
    internal ReplicaFactory(
        IReadOnlyList<Device> devices, BackendOf backendOf, Func<Device, IReadOnlyList<ModelShape>> fingerprintShapes)
    {
        ArgumentNullException.ThrowIfNull(devices);
        Devices = devices;
        (this.backendOf, this.fingerprintShapes) = (backendOf, fingerprintShapes);
    }

    /// <summary>How a device computes at one precision, for models of a shape.</summary>
    internal delegate ComputeBackend BackendOf(Device device, Precision precision, int threads, ModelShape shape);

    /// <inheritdoc/>
    public IReadOnlyList<Device> Devices { get; }

    /// <inheritdoc/>
    public long LiveTensorCount => TorchRuntime.LiveTensorCount;

    /// <summary>Whether this build's libtorch computes on graphics cards (<c>-p:TorchBackend=cuda</c>).</summary>
    public static bool IsBuiltForCards { get; } = typeof(ReplicaFactory).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>()
        .Any(metadata => metadata is { Key: "TorchBackend", Value: "cuda" });

    /// <summary>This processor as <paramref name="count"/> devices, each with an equal share of the cores.</summary>
    /// <param name="count">1 or more.</param>
    public static IReadOnlyList<Device> CpuDevices(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        var cores = Math.Max(1, Environment.ProcessorCount / count);
        return
        [
            .. Enumerable.Range(0, count).Select(index =>
                new Device(index, "cpu", CpuFeatures.Name, cores, CpuFeatures.MultipliesBFloat16)
                {
                    Class = CpuFeatures.InstructionSet,
                    SpeedRank = CpuFeatures.SpeedRank,
                }),
        ];
    }

    /// <summary>
    /// This processor as one device that computes as a card does, with all cores; its bits are not a processor's.
    /// </summary>
    public static IReadOnlyList<Device> CpuAsCard() =>
    [
        CpuDevices(1)[0] with { ActsAsCard = true, Class = $"{CpuFeatures.InstructionSet}, as a card", SpeedRank = 0 },
    ];

    /// <summary>The graphics cards libtorch can use, by their number; none with the CPU package.</summary>
    /// <exception cref="InvalidOperationException">The driver does not say what cards they are.</exception>
    public static IReadOnlyList<Device> CudaDevices()
    {
        TorchRuntime.Prepare(1);
        if (!cuda.is_available())
            return [];
        // Both number the cards that CUDA_VISIBLE_DEVICES leaves, in the same order.
        return CardDevices(CudaDriver.Look().Cards);
    }

    /// <summary>Devices of cards with these facts, by their number.</summary>
    public static IReadOnlyList<Device> CardDevices(IReadOnlyList<CardDescription> cards)
    {
        ArgumentNullException.ThrowIfNull(cards);
        return
        [
            .. cards.Select((card, ordinal) =>
                new Device(ordinal, "cuda", card.Name, 0, CardProfile.MultipliesBFloat16(card), ordinal)
                {
                    Card = card,
                    Class = CardProfile.DeviceClass(card),
                    SpeedRank = CardProfile.SpeedRank(card),
                }),
        ];
    }

    /// <inheritdoc/>
    public ComputeProfile Profile(int deviceIndex, Precision precision, int threads)
    {
        var device = Devices[deviceIndex];
        var instructionSet = device switch
        {
            { Card: { } card } => CardProfile.InstructionSet(card),
            { ActsAsCard: true } => device.Class,
            _ => CpuFeatures.InstructionSet,
        };
        if (precision == Precision.BFloat16 && !device.BFloat16IsFast)
            instructionSet += ", bf16 in fp32";
        var fingerprint = Fingerprint.Of(this, device, precision, threads, fingerprintShapes(device));
        return new ComputeProfile(
            device.IsCard ? device.Class : device.Kind,
            instructionSet,
            precision,
            threads,
            TorchRuntime.Version,
            fingerprint.Hash)
        {
            Arithmetic = ComputeProfile.ArithmeticOf(precision),
            RepeatsItself = fingerprint.IsRepeated,
        };
    }

    /// <inheritdoc/>
    public IReplica Create(int deviceIndex, ReplicaOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Shape.Errors() is { Count: > 0 } errors)
            throw new ArgumentException(string.Join("; ", errors), nameof(options));
        if (options.DecodesInEightBits && !Devices[deviceIndex].DecodesInEightBits)
            throw new ArgumentException($"Device {deviceIndex} has no products of eight bits.", nameof(options));
        return new Replica(options, backendOf(Devices[deviceIndex], options.Precision, options.Threads, options.Shape));
    }

    /// <summary>How a device computes at one precision.</summary>
    internal static ComputeBackend Backend(
        Device device, Precision precision, int threads, ModelShape shape) => device.Kind switch
        {
            "cpu" when device.ActsAsCard => new Torch.TorchBackend(precision, threads, CPU),
            "cpu" => CpuBackend.For(precision, threads, device.BFloat16IsFast, shape),
            "cuda" => new Torch.TorchBackend(
                precision, threads, new TorchSharp.torch.Device(TorchSharp.DeviceType.CUDA, device.Ordinal)),
            _ => throw new ArgumentException($"There is no device of kind '{device.Kind}'; cpu and cuda are known."),
        };
}

using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Grains.Datasets;
using Gpt2Cluster.Grains.Models;
using Gpt2Cluster.Grains.Placement;
using Gpt2Cluster.Grains.Workers;

namespace Gpt2Cluster.Grains.Jobs;

/// <summary>What every job of a silo shares.</summary>
/// <param name="Silo">The silo.</param>
/// <param name="Grains">The other grains.</param>
/// <param name="Datasets">The datasets on the silo's disk.</param>
/// <param name="Parameters">Brings parameters into replicas.</param>
/// <param name="Benchmarks">The measurements.</param>
/// <param name="Time">The time.</param>
/// <param name="Cards">Reads the machine's cards.</param>
/// <param name="End">Ends the silo when a device is lost.</param>
public sealed record JobServices(
    SiloContext Silo,
    IGrainFactory Grains,
    StoredDatasets Datasets,
    ParameterLoader Parameters,
    IBenchmarks Benchmarks,
    TimeProvider Time,
    ICardMonitor Cards,
    ISiloEnd End);

/// <summary>One job at work, on its own thread.</summary>
/// <param name="Services">What it shares with others.</param>
/// <param name="Device">Its device.</param>
/// <param name="Unique">The last part of its key.</param>
/// <param name="Events">Takes what it says.</param>
/// <param name="Cancellation">Asks it to end.</param>
public sealed record JobWork(
    JobServices Services, Device Device, string Unique, JobEvents Events, CancellationToken Cancellation)
{
    /// <summary>Threads a job takes: all of its device's share.</summary>
    public int Threads => Math.Max(1, Device.Cores);

    /// <summary>Makes a replica that does not train.</summary>
    /// <exception cref="Core.UserErrorException">The model does not hold the tokens that texts have here.</exception>
    public IReplica CreateReplica(OpenParameters parameters, DecodingPrecision precision)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        parameters.Vocabulary.CheckRows(parameters.Shape.VocabularySize, "The model");
        var replica = Services.Silo.Replicas.Create(Device.Index, new ReplicaOptions
        {
            Shape = parameters.Shape,
            Precision = precision.Products,
            DecodesInEightBits = precision.InEightBits,
            Threads = Threads,
            Trains = false,
        });
        try
        {
            parameters.LoadInto(replica, Cancellation);
            return replica;
        }
        catch
        {
            replica.Dispose();
            throw;
        }
    }

    /// <summary>The precision a user names; the device's better one for null.</summary>
    /// <exception cref="Core.UserErrorException">It is neither bf16 nor fp32.</exception>
    public Precision PrecisionOf(string? name) => name switch
    {
        null => Device.BFloat16IsFast ? Precision.BFloat16 : Precision.Float32,
        "bf16" => Precision.BFloat16,
        "fp32" => Precision.Float32,
        _ => throw new Core.UserErrorException($"--precision must be bf16 or fp32, not '{name}'."),
    };
    /// <summary>How text is generated at the precision a user names; as <see cref="PrecisionOf"/> for null.</summary>
    /// <exception cref="Core.UserErrorException">It is not known, or this device does not have it.</exception>
    public DecodingPrecision DecodingPrecisionOf(string? name) => name switch
    {
        "int8" when Device.DecodesInEightBits => new DecodingPrecision(PrecisionOf(null), InEightBits: true),
        "int8" => throw new Core.UserErrorException(
            $"--precision int8 is for processors, and this worker computes on {Device.Name}, a card; choose bf16 or "
            + "fp32."),
        null or "bf16" or "fp32" => new DecodingPrecision(PrecisionOf(name)),
        _ => throw new Core.UserErrorException($"--precision must be int8, bf16 or fp32, not '{name}'."),
    };
}

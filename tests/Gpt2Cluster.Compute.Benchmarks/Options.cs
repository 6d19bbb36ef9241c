using System.Globalization;
using System.Text.Json;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Compute.Benchmarks;

/// <summary>What the command line says: a command, then options, each with its value behind it.</summary>
internal sealed class Options(string[] arguments)
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>What to do; null without arguments.</summary>
    public string? Command => arguments.FirstOrDefault();

    /// <summary>The kind of device: <c>cpu</c>, <c>tensors</c> or <c>cuda</c>.</summary>
    public string Device => Text("device", "cpu");

    /// <summary>Makes replicas on that device.</summary>
    public IReplicaFactory Replicas => Device switch
    {
        "cpu" => new ReplicaFactory(ReplicaFactory.CpuDevices(1)),
        "tensors" => new TensorReplicas(),
        "cuda" => new ReplicaFactory(ReplicaFactory.CudaDevices()),
        _ => throw new ArgumentException($"--device {Device}: cpu, tensors and cuda are known."),
    };

    /// <summary>The model, by the name of a preset.</summary>
    public Preset Preset => Presets.Scratch("scratch:" + Text("model", "gpt2"));

    /// <summary>Its shape.</summary>
    public ModelShape Shape => Preset.Shape;

    /// <summary>What products are computed in.</summary>
    public Precision Precision => Text("precision", "bf16") == "fp32" ? Precision.Float32 : Precision.BFloat16;

    /// <summary>How text is generated.</summary>
    public DecodingPrecision DecodingPrecision => new(Precision, Text("precision", "bf16") == "int8");

    /// <summary>Threads of the processor.</summary>
    public int Threads => Number("threads", Environment.ProcessorCount);

    /// <summary>An option's value.</summary>
    public string Text(string option, string otherwise)
    {
        var index = Array.IndexOf(arguments, "--" + option);
        return index >= 0 && index + 1 < arguments.Length ? arguments[index + 1] : otherwise;
    }

    /// <summary>An option's value, a whole number.</summary>
    public int Number(string option, int otherwise) =>
        int.Parse(Text(option, otherwise.ToString(CultureInfo.InvariantCulture)), CultureInfo.InvariantCulture);

    /// <summary>Whether an option without a value is there.</summary>
    public bool Has(string option) => arguments.Contains("--" + option);

    /// <summary>Writes a result to standard output, as JSON.</summary>
    public void Print<T>(T result) => Console.WriteLine(JsonSerializer.Serialize(result, Indented));
}

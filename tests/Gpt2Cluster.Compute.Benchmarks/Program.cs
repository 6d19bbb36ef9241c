using System.Text.Json;
using Gpt2Cluster.Compute;
using Gpt2Cluster.Compute.Benchmarks;
using Gpt2Cluster.Core.Specification;

var gpt2 = Presets.Scratch("scratch:" + Value("model", "gpt2")).Shape;
var factory = new ReplicaFactory(ReplicaFactory.CpuDevices(1));
var precision = Value("precision", "bf16") == "fp32" ? Precision.Float32 : Precision.BFloat16;
var threads = int.Parse(Value("threads", Environment.ProcessorCount.ToString()));
switch (args.FirstOrDefault())
{
    case "step":
        Print(StepBenchmark.Run(factory, 0, new StepBenchmarkOptions(
            gpt2,
            int.Parse(Value("batch-size", "4")),
            int.Parse(Value("sequence-length", "256")),
            precision,
            int.Parse(Value("steps", "8")),
            threads,
            TrainingScope.Parse(Value("train", "all"))!.Value,
            args.Contains("--recompute"))));
        return 0;
    case "generate":
        Print(GenerateBenchmark.Run(factory, 0, new GenerateBenchmarkOptions(
            gpt2, int.Parse(Value("length", "256")), int.Parse(Value("num", "1")), precision, threads)));
        return 0;
    default:
        Console.Error.WriteLine("usage: step|generate "
            + "[--model PRESET] [--train SCOPE] [--precision bf16|fp32] [--threads N] [--steps N] [--length N]");
        return 2;
}

string Value(string option, string otherwise)
{
    var index = Array.IndexOf(args, "--" + option);
    return index >= 0 && index + 1 < args.Length ? args[index + 1] : otherwise;
}

void Print<T>(T result) => Console.WriteLine(JsonSerializer.Serialize(result, Indented.Options));

internal static class Indented
{
    public static readonly JsonSerializerOptions Options = new() { WriteIndented = true };
}

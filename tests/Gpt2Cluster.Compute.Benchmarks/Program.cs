using System.Globalization;
using Gpt2Cluster.Compute.Benchmarks;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Specification;

const string Usage = """
    usage: step|generate|int8|repeat|out-of-memory|device|logits|first-light
      [--device cpu|tensors|cuda] [--model PRESET] [--precision bf16|fp32] [--threads N]
      step:          [--train SCOPE] [--batch-size N] [--sequence-length N] [--steps N] [--recompute]
      generate:      [--length N] [--num N]   with --precision int8 too
      int8:          --text FILE [--steps N] [--batch-size N] [--sequence-length N]   what eight bits cost
      repeat:        [--batch-size N] [--sequence-length N] [--times N]   one micro-batch, hashed N times
      out-of-memory: [--batch-size N] [--sequence-length N] [--width N] [--layers N]
      device:        what would compute
      logits:        --folder FOLDER --tokens ID,ID,...   of a model folder in fp32, a line a position
      first-light:   [--tests FILE] [--pytorch FILE] [--python FILE] [--seconds N]   everything, one table
    """;

var options = new Options(args);
switch (options.Command)
{
    case "step":
        options.Print(StepBenchmark.Run(options.Replicas, new StepBenchmarkOrder(
            0,
            options.Shape,
            options.Number("batch-size", 4),
            options.Number("sequence-length", 256),
            options.Precision,
            options.Threads,
            options.Number("steps", 8),
            TrainingScope.Parse(options.Text("train", "all"))!.Value,
            options.Has("recompute"))));
        return 0;
    case "generate":
        options.Print(GenerateBenchmark.Run(options.Replicas, new GenerateBenchmarkOrder(
            0,
            options.Shape,
            options.Number("length", 256),
            options.Number("num", 1),
            options.DecodingPrecision,
            options.Threads)));
        return 0;
    case "int8":
        options.Print(Int8Benchmark.Run(
            options.Replicas,
            new Int8BenchmarkOptions(
                options.Preset,
                options.Number("steps", 100),
                options.Number("batch-size", 4),
                options.Number("sequence-length", 128),
                options.Threads),
            File.ReadAllText(options.Text("text", "text.txt"))));
        return 0;
    case "repeat":
        options.Print(RepeatBenchmark.Run(
            options.Replicas,
            new ReplicaOptions { Shape = options.Shape, Precision = options.Precision, Threads = options.Threads },
            options.Number("batch-size", 4),
            options.Number("sequence-length", 256),
            options.Number("times", 20)));
        return 0;
    case "out-of-memory":
        options.Print(MemoryShortage.Run(
            options.Replicas,
            new ReplicaOptions
            {
                Shape = MemoryShortage.ShapeOf(
                    options.Number("sequence-length", 1024), options.Number("width", 128), options.Number("layers", 4)),
                Precision = options.Precision,
                Threads = options.Threads,
            },
            options.Number("batch-size", 16)));
        return 0;
    case "device":
        options.Print(DeviceReport.Of(options.Replicas));
        return 0;
    case "logits":
        var tokens = options.Text("tokens", "").Split(',').Select(int.Parse).ToArray();
        foreach (var row in Logits.Of(options.Text("folder", "."), tokens))
            Console.WriteLine(string.Join(' ', row.Select(value => value.ToString("R", CultureInfo.InvariantCulture))));
        return 0;
    case "first-light":
        return await FirstLight.RunAsync(options);
    default:
        Console.Error.WriteLine(Usage);
        return 2;
}

using System.Globalization;
using System.Security.Cryptography;
using Gpt2Cluster.Data.Benchmarks;

// Usage, from the repository root: [--text FILE] [--tiktoken FOLDER] [--rounds N]. See tests/benchmarks/TOKENS.md.
const int MixedBytes = 16_000_000;
var rounds = int.Parse(Option("--rounds") ?? "5", CultureInfo.InvariantCulture);
var text = Option("--text") is { } given
    ? File.ReadAllBytes(given)
    : MixedText.Build(Directory.GetCurrentDirectory(), MixedBytes);
Console.WriteLine($"{text.Length / 1e6:F2} MB, SHA-256 {Convert.ToHexStringLower(SHA256.HashData(text))}");
var file = Path.GetTempFileName();
try
{
    File.WriteAllBytes(file, text);
    using var tiktoken = Option("--tiktoken") is { } folder ? new Tiktoken(folder, file) : null;
    Compare(new EncodedText(text), tiktoken);
}
finally
{
    File.Delete(file);
}

string? Option(string name) => Array.IndexOf(args, name) is >= 0 and var place ? args[place + 1] : null;

void Compare(EncodedText encoded, Tiktoken? tiktoken)
{
    var allCores = $"ours, {Environment.ProcessorCount} cores";
    (string Name, Func<Measurement> Measure)[] ways =
    [
        ("ours", encoded.Fresh),
        ("ours, words known", encoded.Known),
        (allCores, encoded.AllCores),
        ("windows only", encoded.WindowsOnly),
        .. tiktoken is null ? [] : new[] { ("tiktoken", (Func<Measurement>)tiktoken.Measure) },
    ];
    var fastest = new Dictionary<string, Measurement>();
    for (var round = 0; round < rounds; round++)
    {
        foreach (var (name, measure) in ways)
        {
            var taken = measure();
            Print($"round {round + 1}, {name}", taken);
            Measurement? before = fastest.TryGetValue(name, out var known) ? known : null;
            fastest[name] = Measurement.Faster(before, taken, byWall: name == allCores);
        }
    }

    foreach (var (name, taken) in fastest)
        Print($"fastest, {name}", taken);
    if (fastest.Values.Select(taken => taken.Hash).Where(hash => hash.Length > 0).Distinct().Count() != 1)
        throw new InvalidOperationException("the ids differ");
    if (tiktoken is not null)
    {
        var times = fastest["tiktoken"].Processor / fastest["ours"].Processor;
        Console.WriteLine($"ids equal; ours is {times:F1} times as fast as tiktoken by processor time");
    }
}

void Print(string name, Measurement taken) => Console.WriteLine(
    $"{name}: {Rate(taken.Processor),6:F1} MB/s of processor time, {Rate(taken.Wall),6:F1} MB/s of wall clock, "
    + $"{taken.TokenCount}");

double Rate(TimeSpan taken) => text.Length / taken.TotalSeconds / 1e6;

using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Gpt2Cluster.Data.Benchmarks;
using Gpt2Cluster.Data.Tokens;

// Usage: [--text FILE] [--tiktoken FOLDER] [--rounds N] [--megabytes N]. See tests/benchmarks/TOKENS.md.
string? Option(string name) => Array.IndexOf(args, name) is >= 0 and var place ? args[place + 1] : null;
var pieceBytes = int.Parse(Option("--piece") ?? "65536");
var rounds = int.Parse(Option("--rounds") ?? "5");
var text = Option("--text") is { } file
    ? File.ReadAllBytes(file)
    : MixedText.Build(Directory.GetCurrentDirectory(), int.Parse(Option("--megabytes") ?? "16") * 1_000_000);
var path = Path.Combine(Path.GetTempPath(), $"gpt2cluster-tokens-{Environment.ProcessId}.txt");
File.WriteAllBytes(path, text);
Console.WriteLine($"{text.Length / 1e6:F2} MB, SHA-256 {Convert.ToHexStringLower(SHA256.HashData(text))}");
using var tiktoken = Option("--tiktoken") is { } folder ? new Tiktoken(folder, path) : null;
var tokens = new ushort[text.Length];
Print("first", new Gpt2Tokenizer(), tokens);
Measurement? ours = null;
Measurement? theirs = null;
for (var round = 0; round < rounds; round++)
{
    var mine = Print($"round {round + 1}, ours", new Gpt2Tokenizer(), tokens);
    ours = ours is { } best && best.Processor <= mine.Processor ? best : mine;
    MeasureAllCores($"round {round + 1}, ours on {Environment.ProcessorCount} cores", mine.Hash);
    if (tiktoken?.Measure() is not { } other)
        continue;
    Console.WriteLine(Line($"round {round + 1}, tiktoken", other));
    theirs = theirs is { } fastest && fastest.Processor <= other.Processor ? fastest : other;
    if (other.Hash != mine.Hash)
        throw new InvalidOperationException("the ids differ");
}

if (ours is { } best1)
    Console.WriteLine(Line("fastest, ours", best1));
if (ours is { } a && theirs is { } b)
    Console.WriteLine($"ids equal; ours is {b.Processor / a.Processor:F1} times as fast by processor time");
File.Delete(path);

string Line(string name, Measurement taken) => $"{name}: {Rate(taken.Processor):F1} MB/s of processor time, "
    + $"{Rate(taken.Wall):F1} MB/s of wall clock, {taken.TokenCount} tokens, {taken.Hash[..12]}";
double Rate(TimeSpan taken) => text.Length / taken.TotalSeconds / 1e6;

// As files are read: in pieces, each behind what the one before has left.
Measurement Print(string name, Gpt2Tokenizer tokenizer, ushort[] output)
{
    _ = tokenizer.Vocabulary;
    GC.Collect();
    var processor = Environment.CpuUsage.TotalTime;
    var clock = Stopwatch.StartNew();
    var written = 0;
    for (var position = 0; position < text.Length;)
    {
        var piece = text.AsSpan(position, Math.Min(pieceBytes, text.Length - position));
        var final = position + piece.Length == text.Length;
        position += tokenizer.EncodeUtf8(piece, final, output.AsSpan(written), out var count);
        written += count;
    }

    var wall = clock.Elapsed;
    var used = Environment.CpuUsage.TotalTime - processor;
    var hash = Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(output.AsSpan(0, written))));
    var taken = new Measurement(used, wall, written, hash);
    Console.WriteLine(Line(name, taken));
    return taken;
}

void MeasureAllCores(string name, string hash)
{
    var parallel = new ParallelTokenizer(new Gpt2Tokenizer());
    var processor = Environment.CpuUsage.TotalTime;
    var clock = Stopwatch.StartNew();
    var written = 0;
    for (var position = 0; position < text.Length;)
    {
        var piece = text.AsMemory(position, Math.Min(parallel.EnoughBytes, text.Length - position));
        var final = position + piece.Length == text.Length;
        position += parallel.EncodeUtf8(piece, final, tokens.AsMemory(written), out var count);
        written += count;
    }

    var wall = clock.Elapsed;
    var used = Environment.CpuUsage.TotalTime - processor;
    var made = Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(tokens.AsSpan(0, written))));
    Console.WriteLine(Line(name, new Measurement(used, wall, written, made)));
    if (made != hash)
        throw new InvalidOperationException("the ids differ");
}

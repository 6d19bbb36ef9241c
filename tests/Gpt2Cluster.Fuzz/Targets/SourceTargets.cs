using Gpt2Cluster.Data.Datasets;
using Gpt2Cluster.Data.Sources;
using Gpt2Cluster.Data.Uploads;
using Gpt2Cluster.Fuzz.Mutations;

namespace Gpt2Cluster.Fuzz.Targets;

/// <summary>The parsers of texts and tokens, and of what travels to a cluster.</summary>
internal static class SourceTargets
{
    private static readonly string[] Encodings = ["windows-1252", "utf-16le", "utf-32", "shift_jis", "gb18030"];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<ParserTarget> All { get; } =
    [
        OfSource("npz", ".npz", SourceSeeds.Npz, []),
        OfSource("csv", ".csv", SourceSeeds.Tables, Vocabularies.Table),
        OfSource("jsonl", ".jsonl", SourceSeeds.JsonLines, [.. Vocabularies.Json, .. Records]),
        OfSource("json", ".json", SourceSeeds.Json, [.. Vocabularies.Json, .. Records]),
        OfSource("text", ".txt", SourceSeeds.Texts, Characters),
        new("text-encoded", Owner.Ours, SourceSeeds.EncodedTexts, scratch => input => Read(
            scratch.Write("a.txt", input),
            new SourceOptions { Encoding = TextEncodings.Named(Encodings[input.Length % Encodings.Length]) }))
        {
            Words = Characters,
            FileName = "a.txt",
        },
        new("prompt", Owner.Ours, SourceSeeds.Texts, scratch => input =>
        {
            try
            {
                PromptText.Read(scratch.Write("a.txt", input));
            }
            catch (NoTextException problem)
            {
                throw problem.AsUserError();
            }
        })
        {
            Words = Characters,
            FileName = "a.txt",
        },
        new("dataset-archive", Owner.Ours, SourceSeeds.DatasetArchive, _ => input => ParserTargets.Sentence(
            () => DatasetUploadReader.Read(new MemoryStream(input), _ => new CheckingSink())))
        {
            Words = [.. Vocabularies.Json, "0.jsonl", "1/0.txt", "2/0-0.u16", "1/1.end", "ustar  ", "0000001\0"],
            Repair = TarChecksums.Repair,
        },
        new("model-archive", Owner.Ours, ModelArchive, ReadModelArchive)
        {
            Words = ["config.json", "vocab.json", "upload.json", "../", "/", "ustar  ", "0000001\0", "\"version\":"],
            Repair = TarChecksums.Repair,
        },
    ];

    private static IEnumerable<string> Records =>
        ["text", "messages", "prompt", "completion", "role", "content", "user"];

    private static IReadOnlyList<string> Characters =>
        ["\r", "\n", "\r\n", "\0", "\uFEFF", "\u00e9", "\u4e16", "\U0001F600", "<|endoftext|>", "%PDF-", "PAR1", "{\""];

    /// <summary>A kind of dataset, read as a command reads a file that was named.</summary>
    internal static ParserTarget OfSource(
        string name,
        string ending,
        Func<IReadOnlyList<Seed>> seeds,
        IReadOnlyList<string> words,
        Owner owner = Owner.Ours)
    {
        return new(name, owner, seeds, scratch => input =>
            Read(scratch.Write("a" + ending, input), new SourceOptions()))
        {
            Words = words,
            FileName = "a" + ending,
        };
    }

    /// <summary>Reads a file into nothing.</summary>
    internal static void Read(string path, SourceOptions options)
    {
        var file = SourceFile.At(path) with { IsNamed = true };
        try
        {
            file.Format.Read(file, options, new CheckingSink(), _ => { }, CancellationToken.None);
        }
        catch (NoTextException problem)
        {
            throw problem.AsUserError();
        }
    }

    private static IReadOnlyList<Seed> ModelArchive()
    {
        using var file = new MemoryStream();
        var writer = new ArchiveWriter(file, UploadArchive.Model);
        writer.Add("config.json", SourceSeeds.Golden("numerics/config.json"));
        writer.Add("vocab.json", new byte[] { (byte)'{', (byte)'}' });
        writer.Complete();
        return [new(file.ToArray())];
    }

    private static Reading ReadModelArchive(Scratch scratch) => input =>
    {
        var folder = Directory.CreateDirectory(scratch.File("model"));
        try
        {
            ParserTargets.Sentence(() => ModelUpload.Read(new MemoryStream(input), folder.FullName));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    };
}

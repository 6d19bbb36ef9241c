using System.Formats.Tar;
using System.Runtime.InteropServices;
using System.Text;
using CsCheck;
using Gpt2Cluster.Data.Sources;
using Gpt2Cluster.Data.Uploads;

namespace Gpt2Cluster.Data.Tests.Uploads;

[Collection(MeasuredMemory.Name)]
public sealed class DatasetUploadTests
{
    // Of an upload whatever its size: a few members and what the tar reader and writer hold.
    private const long MostMemoryBytes = 16 << 20;

    private const int ShortLength = 16 << 10;
    private const int MemberLength = 1 << 20;

    [Fact]
    public void What_comes_out_is_what_went_in()
    {
        var lengths = Gen.OneOf(
            Gen.Int[0, 30],
            Gen.Int[ShortLength - 2, ShortLength + 2],
            Gen.Int[MemberLength - 2, MemberLength + 2],
            Gen.Int[0, 2 * MemberLength]);
        Gen.Select(Gen.Bool, lengths, Gen.Int[1_000, 700_000]).Array[0, 5].Sample(
            documents =>
            {
                var expected = new Told();
                using var archive = new MemoryStream();
                var writer = new DatasetUploadWriter(archive);
                foreach (var (isText, length, pieceLength) in documents)
                {
                    foreach (var sink in new IDocumentSink[] { expected, writer })
                        Feed(sink, isText, length, pieceLength);
                }

                writer.Complete();
                var told = new Told();
                DatasetUploadReader.Read(Rewound(archive), _ => told);
                Assert.Equal(expected.Documents, told.Documents);
            },
            iter: 25,
            threads: 1);
    }

    [Theory]
    [InlineData("\0\u0001\\ \"/\u2028\uFEFF<|endoftext|>\r\n\t😀")]
    [InlineData("")]
    public void Any_character_passes(string text)
    {
        var told = new Told();
        DatasetUploadReader.Read(Rewound(Archive(text)), _ => told);
        Assert.Equal([text], told.Documents.Select(Encoding.UTF8.GetString));
    }

    [Fact]
    public void Bytes_that_are_no_characters_pass_unchanged()
    {
        using var archive = new MemoryStream();
        var writer = new DatasetUploadWriter(archive);
        writer.BeginDocument("odd");
        writer.Text([0xFF, 0xC3]);
        writer.EndDocument();
        writer.Complete();
        var told = new Told();
        DatasetUploadReader.Read(Rewound(archive), _ => told);
        Assert.Equal([0xFF, 0xC3], Assert.Single(told.Documents));
    }

    [Fact]
    public void The_archive_is_a_tar_that_anybody_reads_and_names_no_time()
    {
        using var archive = Archive("one", new string('x', MemberLength + 1), "two", "three");
        using var again = Archive("one", new string('x', MemberLength + 1), "two", "three");
        Assert.Equal(archive.ToArray(), again.ToArray());
        using var tar = new TarReader(Rewound(archive));
        var names = new List<string>();
        while (tar.GetNextEntry() is { } entry)
            names.Add($"{entry.Name} {entry.Length}");
        Assert.Equal(
            ["upload.json 30", "0.jsonl 15", "1/0.txt 1048576", "1/1.txt 1", "2.jsonl 32"], names);
    }

    [Fact]
    public void A_damaged_archive_never_crashes_and_never_passes_cut_short()
    {
        using var whole = Archive("one two", "three", new string('y', ShortLength + 1));
        var sound = whole.ToArray();
        Gen.Select(Gen.Int[0, sound.Length - 1], Gen.Byte, Gen.Int[0, sound.Length]).Sample(
            (place, value, length) =>
            {
                var bytes = (byte[])sound.Clone();
                bytes[place] = value;
                try
                {
                    DatasetUploadReader.Read(new MemoryStream(bytes[..length]), _ => new Told());
                    Assert.Equal(sound.Length, length);
                }
                catch (InvalidDataException)
                {
                    // The one expected outcome besides success.
                }
            },
            iter: 10_000,
            threads: 1);
    }

    [Theory]
    [InlineData("7/1.txt", "stands where it may not be")]
    [InlineData("0/0.txt;0/2.txt", "stands where it may not be")]
    [InlineData("1/0.txt;0/0.txt", "stands where it may not be")]
    [InlineData("0/0.txt;0/0-1.u16", "stands where it may not be")]
    [InlineData("0/0-0.u16;0/2-0.u16", "stands where it may not be")]
    [InlineData("1.jsonl;1.jsonl", "stands where it may not be")]
    [InlineData("0/0.docx", "is no part of a dataset")]
    [InlineData("0/../0.txt", "no plain relative one")]
    [InlineData("/0/0.txt", "no plain relative one")]
    public void Members_that_do_not_belong_are_refused(string names, string fault) =>
        Assert.Contains(fault, Fault([.. names.Split(';').Select(name => (name, Array.Empty<byte>()))]));

    [Fact]
    public void Members_that_hold_something_else_are_refused()
    {
        Assert.Contains("half a token", Fault([("0/0-0.u16", [0x51])]));
        Assert.Contains("no vocabulary", Fault([("vocabulary.json", "{}"u8.ToArray())]));
        Assert.Contains("may not be", Fault([("0/0.txt", "a"u8.ToArray()), ("vocabulary.json", "{}"u8.ToArray())]));
        Assert.Contains("Line 1 of 0.jsonl is not valid JSON", Fault([("0.jsonl", "{"u8.ToArray())]));
        Assert.Contains("are the most", Fault([("0/0.txt", new byte[MemberLength + 1])]));
    }

    [Fact]
    public void A_large_upload_passes_in_constant_memory()
    {
        const int TextBytes = 200 << 20;
        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            var before = GC.GetTotalMemory(forceFullCollection: true);
            using var spool = new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite);
            var writer = new DatasetUploadWriter(spool);
            Feed(writer, isText: true, TextBytes, 64 << 10);
            writer.Complete();
            Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, MostMemoryBytes);
            spool.Position = 0;
            var most = 0L;
            var counter = new Counter();
            DatasetUploadReader.Read(spool, _ => counter, () =>
                most = Math.Max(most, GC.GetTotalMemory(forceFullCollection: false) - before));
            Assert.Equal(TextBytes, counter.Count);
            Assert.InRange(most, long.MinValue, MostMemoryBytes);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static MemoryStream Archive(params string[] texts)
    {
        var archive = new MemoryStream();
        var writer = new DatasetUploadWriter(archive);
        foreach (var text in texts)
        {
            writer.BeginDocument("text");
            writer.Text(Encoding.UTF8.GetBytes(text));
            writer.EndDocument();
        }

        writer.Complete();
        return archive;
    }

    private static string Fault((string Name, byte[] Content)[] members)
    {
        using var archive = new MemoryStream();
        var writer = new ArchiveWriter(archive, UploadArchive.Dataset);
        foreach (var (name, content) in members)
            writer.Add(name, content);
        writer.Complete();
        return Assert.Throws<InvalidDataException>(
            () => DatasetUploadReader.Read(Rewound(archive), _ => new Told())).Message;
    }

    private static MemoryStream Rewound(MemoryStream archive)
    {
        archive.Position = 0;
        return archive;
    }

    private static void Feed(IDocumentSink sink, bool isText, int length, int pieceLength)
    {
        sink.BeginDocument("document");
        var piece = Enumerable.Repeat((byte)'a', pieceLength).ToArray();
        var tokens = Enumerable.Range(0, pieceLength).Select(index => (ushort)(index % 50257)).ToArray();
        for (var left = length; left > 0; left -= pieceLength)
        {
            var count = Math.Min(left, pieceLength);
            if (isText)
                sink.Text(piece.AsSpan(0, count));
            else
                sink.Tokens(tokens.AsSpan(0, count));
            if (!isText && count % 2 == 0)
                sink.EndArray();
        }

        if (!isText && (length == 0 || length % pieceLength % 2 != 0))
            sink.EndArray();
        if (isText && length % 3 == 0)
            sink.EndOfText();
        sink.EndDocument();
    }

    /// <summary>Documents as bytes; an array's end is a byte that ends no token of a test.</summary>
    private sealed class Told : IDocumentSink
    {
        private readonly List<byte> current = [];

        public List<byte[]> Documents { get; } = [];

        public void BeginDocument(string name) => current.Clear();

        public void Text(ReadOnlySpan<byte> utf8) => current.AddRange(utf8);

        public void Tokens(ReadOnlySpan<ushort> tokens) => current.AddRange(MemoryMarshal.AsBytes(tokens));

        public void EndOfText() => current.AddRange([0xFE, 0xFF]);

        public void EndArray() => current.AddRange([0xFF, 0xFF]);

        public void EndDocument() => Documents.Add([.. current]);
    }

    private sealed class Counter : IDocumentSink
    {
        public long Count { get; private set; }

        public void BeginDocument(string name)
        {
        }

        public void Text(ReadOnlySpan<byte> utf8) => Count += utf8.Length;

        public void Tokens(ReadOnlySpan<ushort> tokens) => Count += tokens.Length;

        public void EndOfText()
        {
        }

        public void EndArray()
        {
        }

        public void EndDocument()
        {
        }
    }
}

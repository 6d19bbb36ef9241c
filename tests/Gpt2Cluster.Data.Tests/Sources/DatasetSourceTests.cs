using System.Text;
using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Datasets;
using Gpt2Cluster.Data.Sources;
using Gpt2Cluster.Data.Sources.Npz;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Tests.Sources;

public sealed class DatasetSourceTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_folder_is_read_recursively_in_ordinal_order()
    {
        string[] hidden = [".hidden", ".git/config", "~$novel.docx"];
        foreach (var name in new[] { "b.txt", "a/z.txt", "B.txt", "a.txt", "a/b/c.txt" }.Concat(hidden))
            folder.Write(name, name);
        Assert.Equal(["B.txt", "a.txt", "a/b/c.txt", "a/z.txt", "b.txt"], Names(folder.Path));
    }

    [Theory]
    [InlineData("*.txt", "a.txt b.txt")]
    [InlineData("?.txt", "a.txt b.txt")]
    [InlineData("[!a].txt", "b.txt")]
    [InlineData("[ab]*", "a.txt b.txt")]
    [InlineData("*/*.txt", "sub/c.txt")]
    [InlineData("**/*.txt", "a.txt b.txt sub/c.txt sub/deep/d.txt")]
    [InlineData("sub/**", "sub/c.txt sub/deep/d.txt sub/e.md")]
    [InlineData("s*/deep/*", "sub/deep/d.txt")]
    [InlineData(".h*", ".hidden.txt")]
    public void A_pattern_finds_files(string pattern, string expected)
    {
        foreach (var name in new[] { "a.txt", "b.txt", ".hidden.txt", "sub/c.txt", "sub/deep/d.txt", "sub/e.md" })
            folder.Write(name, "text");
        Assert.Equal(expected.Split(' '), Names(folder.File(pattern)));
    }

    [Fact]
    public void A_file_whose_name_has_wildcards_is_found()
    {
        folder.Write("odd[1]*.txt", "text");
        Assert.Equal(["odd[1]*.txt"], Names(folder.File("odd[1]*.txt")));
    }

    [Theory]
    [InlineData("missing.txt", "no file or folder")]
    [InlineData("*.none", "No file matches")]
    [InlineData("none/*.txt", "No file matches")]
    public void What_is_not_there_is_named(string name, string expected)
    {
        var message = Assert.Throws<UserErrorException>(() => DatasetSource.Open(folder.File(name))).Message;
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.Contains(name, message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_empty_folder_is_refused() =>
        Assert.Contains("no files", Assert.Throws<UserErrorException>(() => DatasetSource.Open(folder.Path)).Message,
            StringComparison.Ordinal);

    [Theory]
    [InlineData("")]
    [InlineData("\uFEFF")]
    public void An_empty_text_is_refused(string text) =>
        Assert.Contains("is empty", Fault("empty.txt", Encoding.UTF8.GetBytes(text)), StringComparison.Ordinal);

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    [InlineData(65_535)]
    [InlineData(65_536)]
    [InlineData(200_001)]
    public void A_wrong_byte_is_named_by_its_offset(int offset)
    {
        byte[][] wrongs = [[0xFF], [0xC3], [0xC3, (byte)'a'], [0xF0, 0x9F, 0x98, (byte)'a'], [0xED, 0xA0, 0x80]];
        foreach (var wrong in wrongs)
        {
            var text = string.Concat(Enumerable.Repeat("é", offset / 2)) + new string('a', offset % 2);
            var message = Fault("wrong.txt", [.. Encoding.UTF8.GetBytes(text), .. wrong]);
            Assert.Contains("wrong.txt is not UTF-8", message, StringComparison.Ordinal);
            Assert.Contains($"offset {offset} ", message, StringComparison.Ordinal);
            Assert.Contains("--encoding", message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_binary_file_is_refused() =>
        Assert.Contains("is binary", Fault("wrong.txt", [65, 66, 0, 67]), StringComparison.Ordinal);

    [Theory]
    [InlineData("a-long")]
    [InlineData("separated")]
    public void Legacy_encoding_equals_the_original_encoder(string name)
    {
        var options = new DatasetOptions { LegacyEndOfText = true };
        var source = DatasetSource.Open(Golden.Path($"npz/{name}.txt"));
        NpzEncoder.Encode(source, folder.File("out"), options);
        Assert.Equal(["out.npz"], Directory.EnumerateFileSystemEntries(folder.Path).Select(Path.GetFileName));
        using var expected = NpzFile.Open(Golden.Path($"npz/{name}.npz"));
        using var made = NpzFile.Open(folder.File("out.npz"));
        Assert.Equal(expected.Arrays, made.Arrays);
        foreach (var array in expected.Arrays)
            Assert.Equal(Tokens(expected, array), Tokens(made, array));
    }

    [Fact]
    public void An_encoded_dataset_has_the_same_hash_as_its_texts()
    {
        folder.Write("in/a.txt", $"one\n{Gpt2Vocabulary.EndOfTextWord}\ntwo");
        folder.Write("in/b.txt", "three and more");
        folder.Write("in/c.csv", "text\nfour\nfive\n");
        var source = DatasetSource.Open(folder.File("in"));
        var encoded = NpzEncoder.Encode(source, folder.File("out.npz"), new DatasetOptions { CombineCharacters = 3 });
        Assert.True(encoded.ChunkLengths.Count > 1);
        Assert.Equal(5, encoded.DocumentCount);
        using var tokenizer = new DatasetTokenizer(Stream.Null);
        DatasetSource.Open(folder.File("out.npz")).Read(tokenizer);
        var read = tokenizer.Complete();
        Assert.Equal(encoded.Sha256, read.Sha256);
        Assert.Equal(encoded.ChunkLengths, read.ChunkLengths);
        Assert.Equal(encoded.DocumentCount, read.DocumentCount);
    }

    [Fact]
    public void A_failed_encoding_leaves_nothing()
    {
        folder.Write("bad.txt", [0xFF]);
        Assert.Throws<UserErrorException>(() => NpzEncoder.Encode(
            DatasetSource.Open(folder.File("bad.txt")), folder.File("out.npz"), new DatasetOptions()));
        Assert.Equal(["bad.txt"], Directory.EnumerateFileSystemEntries(folder.Path).Select(Path.GetFileName));
    }

    [Fact]
    public void Progress_ends_at_the_size_of_all_files()
    {
        folder.Write("a.txt", new string('a', 100_000));
        folder.Write("b.txt", "b");
        var progress = new Recorder();
        var source = DatasetSource.Open(folder.Path);
        source.Validate(progress);
        Assert.Equal(100_001, source.Bytes);
        Assert.Equal(source.Bytes, progress.Reports[^1]);
        Assert.Equal(progress.Reports.Order(), progress.Reports);
    }

    private static int[] Tokens(NpzFile file, NpzArray array) =>
        [.. file.ReadTokens(array).SelectMany(piece => piece.ToArray()).Select(token => (int)token)];

    private IEnumerable<string> Names(string path) => DatasetSource.Open(path).Files
        .Select(file => Path.GetRelativePath(folder.Path, file.Path).Replace('\\', '/'));

    private string Fault(string name, byte[] content)
    {
        folder.Write(name, content);
        return Assert.Throws<UserErrorException>(() => DatasetSource.Open(folder.File(name)).Validate()).Message;
    }

    private sealed class Recorder : IProgress<long>
    {
        public List<long> Reports { get; } = [];

        public void Report(long value) => Reports.Add(value);
    }
}

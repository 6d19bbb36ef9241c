using System.Text;
using CsCheck;
using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Sources;

namespace Gpt2Cluster.Data.Tests.Sources;

public sealed class TextFileReaderTests : IDisposable
{
    private const int PieceBytes = 64 << 10;

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    public static TheoryData<string> Marked => ["utf-8", "utf-16", "utf-16BE", "utf-32"];

    [Theory]
    [MemberData(nameof(Marked))]
    public void A_mark_tells_the_encoding_and_is_dropped(string name)
    {
        var encoding = Encoding.GetEncoding(name);
        foreach (var length in new[] { 0, 1, 7, PieceBytes / 4 - 1, PieceBytes / 2 - 1, PieceBytes / 2, PieceBytes })
        {
            var text = new string('é', length) + "😀 end" + string.Concat(Enumerable.Repeat("😀ß", length / 3));
            folder.Write("a.txt", [.. encoding.Preamble, .. encoding.GetBytes(text)]);
            Assert.Equal([text], CollectedDocuments.Of(folder.File("a.txt")));
        }
    }

    [Fact]
    public void Notepads_lines_end_in_line_feeds()
    {
        var text = string.Concat(Enumerable.Repeat("A line of my poem, and another.\r\n", 20));
        folder.Write("notes.txt", [.. Encoding.Unicode.Preamble, .. Encoding.Unicode.GetBytes(text)]);
        var expected = text.Replace("\r\n", "\n", StringComparison.Ordinal);
        Assert.Equal([expected], CollectedDocuments.Of(folder.File("notes.txt")));
    }

    [Theory]
    [InlineData("windows-1252", new byte[] { 0x93, (byte)'h', (byte)'i', 0x94, 0x80 }, "“hi”€")]
    [InlineData("cp1252", new byte[] { 0x80 }, "€")]
    [InlineData("latin_1", new byte[] { 0xE9, 0xFC }, "éü")]
    [InlineData("Shift_JIS", new byte[] { 0x83, 0x65, 0x83, 0x58 }, "テス")]
    [InlineData("koi8-r", new byte[] { 0xC4, 0xC1 }, "да")]
    [InlineData("utf-16le", new byte[] { 0x41, 0, 0xE9, 0 }, "Aé")]
    [InlineData("UTF_16_BE", new byte[] { 0, 0x41, 0xD8, 0x3D, 0xDE, 0 }, "A😀")]
    [InlineData("utf8", new byte[] { 0xC3, 0xA9 }, "é")]
    [InlineData("gb18030", new byte[] { 0xC4, 0xE3, 0x94, 0x39, 0xDA, 0x33 }, "你\U0001F4A9")]
    public void A_named_encoding_is_read(string name, byte[] content, string expected)
    {
        folder.Write("a.txt", content);
        var options = new SourceOptions { Encoding = TextEncodings.Named(name) };
        Assert.Equal([expected], CollectedDocuments.Of(folder.File("a.txt"), options));
    }

    [Fact]
    public void A_mark_counts_more_than_a_name()
    {
        folder.Write("a.txt", [.. Encoding.Unicode.Preamble, .. Encoding.Unicode.GetBytes("é")]);
        var options = new SourceOptions { Encoding = TextEncodings.Named("latin1") };
        Assert.Equal(["é"], CollectedDocuments.Of(folder.File("a.txt"), options));
    }

    [Fact]
    public void Characters_that_a_piece_cuts_are_whole_in_every_named_encoding()
    {
        foreach (var name in new[] { "shift_jis", "gb18030", "utf-32", "big5" })
        {
            var encoding = TextEncodings.Named(name);
            var text = "a" + string.Concat(Enumerable.Repeat("日本", 40_000));
            folder.Write("a.txt", encoding.GetBytes(text));
            var options = new SourceOptions { Encoding = encoding };
            Assert.Equal([text], CollectedDocuments.Of(folder.File("a.txt"), options));
        }
    }

    [Theory]
    [InlineData("klingon")]
    [InlineData("utf-7")]
    [InlineData("cp99999")]
    public void An_unknown_encoding_is_a_mistake_of_the_option(string name)
    {
        var message = Assert.Throws<UserErrorException>(() => TextEncodings.Named(name)).Message;
        Assert.StartsWith("--encoding", message, StringComparison.Ordinal);
        Assert.Contains(name, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, "utf-16le")]
    [InlineData(true, "utf-16be")]
    public void Utf16_without_a_mark_is_named(bool isBigEndian, string name)
    {
        var encoding = new UnicodeEncoding(isBigEndian, byteOrderMark: false);
        var message = Fault(encoding.GetBytes("A line of my poem.\n"), null);
        Assert.Contains($"--encoding {name}", message, StringComparison.Ordinal);
        Assert.Contains("a.txt", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(9)]
    [InlineData(PieceBytes / 2 - 2)]
    [InlineData(PieceBytes / 2 - 1)]
    [InlineData(PieceBytes / 2)]
    public void Half_a_character_of_utf16_is_named_by_its_offset(int units)
    {
        foreach (var wrong in new[] { "\uDC00", "\uD800", "\uD800a" })
        {
            byte[] content =
            [
                .. Encoding.Unicode.Preamble,
                .. Encoding.Unicode.GetBytes(new string('é', units)),
                .. wrong.SelectMany(BitConverter.GetBytes),
            ];
            var message = Fault(content, null);
            Assert.Contains($"offset {2 + 2 * units} ", message, StringComparison.Ordinal);
            Assert.Contains("--encoding", message, StringComparison.Ordinal);
        }

        byte[] odd = [.. Encoding.Unicode.Preamble, .. Encoding.Unicode.GetBytes(new string('é', units)), 7];
        Assert.Contains($"offset {2 + 2 * units} ", Fault(odd, null), StringComparison.Ordinal);
    }

    [Fact]
    public void What_an_encoding_has_not_is_named_by_its_offset()
    {
        var encoding = TextEncodings.Named("shift_jis");
        byte[] content = [.. encoding.GetBytes("日本"), 0x81, 0x20, 0x41];
        var message = Fault(content, encoding);
        Assert.Contains("offset 4 ", message, StringComparison.Ordinal);
        Assert.Contains("--encoding", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Any_bytes_behind_a_mark_are_read_as_dotnet_reads_them_or_refused()
    {
        var strict = new UnicodeEncoding(bigEndian: false, byteOrderMark: false, throwOnInvalidBytes: true);
        var unit = Choice.Of<ushort>(0x41, 0xE9, 0x20AC, 0xD83D, 0xDE00, 0xDBFF, 0xDFFF, 0xFEFF, 0x0D, 0x0A);
        var name = folder.File("any.txt");
        Gen.Select(unit.Array[0, 12], Gen.Bool).Sample(
            (units, isOdd) =>
            {
                byte[] content = [.. units.SelectMany(BitConverter.GetBytes), .. isOdd ? new byte[] { 65 } : []];
                File.WriteAllBytes(name, [.. Encoding.Unicode.Preamble, .. content]);
                string? expected = null;
                try
                {
                    expected = strict.GetString(content);
                }
                catch (ArgumentException)
                {
                    // Refused.
                }

                if (expected is null)
                    Assert.ThrowsAny<UserErrorException>(() => Read(name));
                else
                    Assert.Equal(expected, Read(name));
            },
            iter: 3_000,
            threads: 1);
    }

    private static string Read(string path)
    {
        using var reader = new TextFileReader(SourceFile.At(path));
        var bytes = new List<byte>();
        while (reader.Next() is { Length: > 0 } piece)
            bytes.AddRange(piece.Span);
        return Encoding.UTF8.GetString([.. bytes]);
    }

    private string Fault(byte[] content, Encoding? encoding)
    {
        folder.Write("a.txt", content);
        return Assert.Throws<UserErrorException>(
            () => CollectedDocuments.Of(folder.File("a.txt"), new SourceOptions { Encoding = encoding })).Message;
    }
}

using System.Runtime.InteropServices;
using System.Text;
using CsCheck;
using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Datasets;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Tests.Datasets;

[Collection(MeasuredMemory.Name)]
public sealed class DatasetTokenizerTests : IDisposable
{
    private const int End = 50256;
    private const string Word = Gpt2Vocabulary.EndOfTextWord;

    // Of tokens held while 40 MB of text pass: pieces and caches, but never the text.
    private const long MostMemoryBytes = 64 << 20;

    private readonly TemporaryFolder folder = new();
    private readonly Gpt2Tokenizer tokenizer = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("one\n\n<|endoftext|>\n\ntwo\n", "one\n", "two\n")]
    [InlineData("one\n<|endoftext|>\ntwo", "one\n", "two")]
    [InlineData("one\r\n\r\n<|endoftext|>\r\n \t\r\ntwo", "one\n", "two")]
    [InlineData("\uFEFF\n<|endoftext|>\ntwo", "", "two")]
    [InlineData("one\n \t<|endoftext|> \n\n\ntwo\n\nthree", "one\n", "two\n\nthree")]
    [InlineData("one <|endoftext|> two", "one ", " two")]
    [InlineData("one\n<|endoftext|>two\n", "one\n", "two\n")]
    [InlineData("one<|endoftext|>\n\ntwo", "one", "\n\ntwo")]
    [InlineData("one\n\n<|endoftext|>", "one\n", "")]
    [InlineData("<|endoftext|>\n<|endoftext|>\n\n<|endoftext|>", "", "", "", "")]
    [InlineData("a<|endoftext|b\r c", "a<|endoftext|b\n c")]
    [InlineData("one\r<|endoftext|>\r\rtwo\r", "one\n", "two\n")]
    public void End_of_text_takes_its_line_and_the_blank_lines_around_it(string text, params string[] parts) =>
        Assert.Equal(Joined(parts), Tokenize([text]));

    [Fact]
    public void Any_text_in_any_pieces_equals_the_plain_method()
    {
        var part = Choice.Of(
            Word, Word, "\n", "\n", "\n", "\r\n", "\r", " ", "\t", "<|endo", "<", "text|>",
            "a", "word ", "é", "😀", "\uFEFF", "12");
        Gen.Select(part.Array[0, 14].Select(string.Concat).Array[1, 3], Gen.Int[1, 9]).Sample(
            (texts, pieceBytes) => Assert.Equal(Plain(texts), Tokenize(texts, pieceBytes)), iter: 6_000, threads: 1);
    }

    [Fact]
    public void Legacy_joins_texts_as_the_original_does()
    {
        var text = Choice.Of("", "a.", "b\r\nc\rd", "some words " + Word, "é😀", "\n");
        Gen.Select(text.Array[1, 6], Gen.Int[1, 40], Gen.Int[1, 9]).Sample(
            (texts, combine, pieceBytes) =>
            {
                var options = new DatasetOptions { LegacyEndOfText = true, CombineCharacters = combine };
                var chunks = PlainLegacy(texts, combine).Select(chunk => tokenizer.Encode(chunk)).ToList();
                if (chunks.Sum(chunk => chunk.Count) < DatasetTokenizer.FewestTokens)
                    return;
                Assert.Equal(chunks.SelectMany(chunk => chunk), Tokenize(texts, pieceBytes, options, out var result));
                Assert.Equal(chunks.Select(chunk => (long)chunk.Count), result.ChunkLengths);
            },
            iter: 2_000,
            threads: 1);
    }

    [Fact]
    public void Chunks_joined_are_the_tokens()
    {
        var options = new DatasetOptions { CombineCharacters = 5 };
        var tokens = Tokenize(["abc def", "x", "y", "long enough"], 3, options, out var result);
        Assert.Equal(Joined("abc def", "x", "y", "long enough"), tokens);
        Assert.Equal(tokens.Count, result.ChunkLengths.Sum());
        Assert.Equal(2, result.ChunkLengths.Count);
        Assert.Equal(4, result.DocumentCount);
        Assert.Equal(Golden.Hash(tokens), result.Sha256);
    }

    [Fact]
    public void A_document_that_ends_with_the_token_has_it_once()
    {
        using var output = new MemoryStream();
        using var target = new DatasetTokenizer(output, tokenizer: tokenizer);
        foreach (var (text, isEnded) in new[] { ("one", true), ("two", false), ("three\n", true), ("", true) })
        {
            target.BeginDocument("text");
            target.Text(Encoding.UTF8.GetBytes(text));
            if (isEnded)
                target.EndOfText();
            target.EndDocument();
        }

        target.Complete();
        Assert.Equal([.. Joined("one", "two", "three\n"), End, End], Read(output));
    }

    [Fact]
    public void Fewer_than_two_tokens_are_refused()
    {
        Assert.Contains("only one token", Fault("a"), StringComparison.Ordinal);
        Assert.Contains("no token", Fault(""), StringComparison.Ordinal);
        Assert.Equal(2, Tokenize(["a b"]).Count);
    }

    [Fact]
    public void A_large_text_passes_in_constant_memory()
    {
        const string Line = "Some words to encode, again and again.\n";
        var piece = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(Line, 1_000)));
        using var target = new DatasetTokenizer(Stream.Null, tokenizer: tokenizer);
        target.BeginDocument("large");
        var most = 0L;
        var before = GC.GetTotalMemory(forceFullCollection: true);
        for (var count = 1; count * piece.Length < 40 << 20; count++)
        {
            target.Text(piece);

            // What is alive counts, not what waits for a collection.
            if (count % 100 == 0)
                most = Math.Max(most, GC.GetTotalMemory(forceFullCollection: true) - before);
        }


        target.EndDocument();
        Assert.True(target.Complete().TokenCount > 1_000_000);
        Assert.True(most < MostMemoryBytes, $"{most} bytes were held");
    }

    private static void Feed(DatasetTokenizer sink, IEnumerable<string> texts, int pieceBytes)
    {
        foreach (var text in texts)
        {
            sink.BeginDocument("text");
            foreach (var piece in Encoding.UTF8.GetBytes(text).Chunk(pieceBytes))
                sink.Text(piece);
            sink.EndDocument();
        }
    }

    private static List<int> Read(MemoryStream output) =>
        [.. MemoryMarshal.Cast<byte, ushort>(output.ToArray()).ToArray().Select(token => (int)token)];

    private List<int> Tokenize(IReadOnlyList<string> texts, int pieceBytes = int.MaxValue) =>
        Tokenize(texts, pieceBytes, null, out _);

    private List<int> Tokenize(
        IReadOnlyList<string> texts, int pieceBytes, DatasetOptions? options, out TokenizedDataset result)
    {
        using var output = new MemoryStream();
        using var target = new DatasetTokenizer(output, options, tokenizer);
        Feed(target, texts, pieceBytes);
        result = CompleteOrShort(target);
        return Read(output);
    }

    private static TokenizedDataset CompleteOrShort(DatasetTokenizer target)
    {
        try
        {
            return target.Complete();
        }
        catch (UserErrorException)
        {
            return new TokenizedDataset(target.TokenCount, 0, "", []);
        }
    }

    private string Fault(string text)
    {
        using var target = new DatasetTokenizer(Stream.Null, tokenizer: tokenizer);
        Feed(target, [text], int.MaxValue);
        return Assert.Throws<UserErrorException>(target.Complete).Message;
    }

    private List<int> Joined(params string[] parts)
    {
        var tokens = new List<int>();
        for (var i = 0; i < parts.Length; i++)
        {
            if (i > 0)
                tokens.Add(End);
            tokens.AddRange(tokenizer.Encode(parts[i]));
        }

        return tokens;
    }

    // The dumb twin: whole texts, whole lines.
    private List<int> Plain(IEnumerable<string> texts)
    {
        var all = new List<int>();
        foreach (var text in texts)
        {
            var clean = text.StartsWith('\uFEFF') ? text[1..] : text;
            var lines = Lines(
                clean.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n'));
            for (var i = 0; i < lines.Count; i++)
            {
                if (lines[i].Trim(' ', '\t', '\n') != Word)
                    continue;
                lines[i] = Word;
                for (var k = i - 1; k >= 0 && lines[k].Trim(' ', '\t', '\n').Length == 0; k--)
                    lines[k] = "";
                for (var k = i + 1; k < lines.Count && lines[k].Trim(' ', '\t', '\n').Length == 0; k++)
                    lines[k] = "";
            }

            var tokens = Joined(string.Concat(lines).Split(Word));
            if (tokens.Count > 0 && all.Count > 0)
                all.Add(End);
            all.AddRange(tokens);
        }

        return all;
    }

    private static List<string> Lines(string text)
    {
        var lines = text.Split('\n').Select(line => line + "\n").ToList();
        lines[^1] = lines[^1][..^1];
        return lines;
    }

    // encode.py: load_dataset, with Python's universal newlines.
    private static List<string> PlainLegacy(IEnumerable<string> texts, int combine)
    {
        var chunks = new List<string>();
        var raw = "";
        foreach (var text in texts)
        {
            raw += text.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
            if (raw.EnumerateRunes().Count() >= combine)
            {
                chunks.Add(raw);
                raw = "";
            }
            else
            {
                raw += Word;
            }
        }

        if (raw.Length > 0)
            chunks.Add(raw);
        return chunks;
    }
}

using System.Text;
using CsCheck;
using Gpt2Cluster.Data.Datasets;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Tests.Tokens;

/// <summary>
/// Vocabularies that are not OpenAI's: equal ids as Hugging Face's own tokenizer gives (tests/tokenizers), and as the
/// plain method.
/// </summary>
public sealed class CustomVocabularyTests
{
    private const int HighestId = 65535;
    private const int LongWordBytes = 1_800_000;

    public static TheoryData<string> Names => [.. Vocabularies.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public void Ids_are_those_of_Hugging_Faces_tokenizer(string name)
    {
        var tokenizer = new Gpt2Tokenizer(Vocabularies.Read(name));
        var cases = Golden.Json("vocabularies/ids.json").GetProperty(name).EnumerateArray().ToList();
        Assert.True(cases.Count >= 12);
        foreach (var each in cases)
        {
            var text = each.GetProperty("text").GetString()!;
            var ids = each.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32()).ToList();
            Assert.Equal(ids, tokenizer.Encode(text));
            Assert.Equal(text, tokenizer.Decode(ids));
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Any_piece_is_merged_as_the_plain_method_does(string name)
    {
        var vocabulary = Vocabularies.Read(name);
        var plain = new PlainMerger(vocabulary);
        var merger = new BytePairMerger(vocabulary.Merges);
        var pieces = Gen.OneOf(
            Gen.Byte.Array[1, 60],
            Choice.Of(" the", "ing", "th", "he", "an", "d", "o", "u", "r", "i").Array[1, 40]
                .Select(parts => Encoding.ASCII.GetBytes(string.Concat(parts))));
        pieces.Sample(
            piece =>
            {
                var expected = plain.Encode(piece);
                var tokens = new ushort[piece.Length];
                var count = merger.Encode(piece, tokens);
                Assert.Equal(expected, tokens[..count].Select(token => (int)token));
                count = LongMerge.Encode(vocabulary.Merges, piece, tokens);
                vocabulary.Merges.ToIds(tokens.AsSpan(0, count));
                Assert.Equal(expected, tokens[..count].Select(token => (int)token));
            },
            iter: 2_000,
            threads: 1);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_second_tokenizer_agrees(string name) => VocabularyProbe.Check(Vocabularies.Read(name), name);

    [Fact]
    public void The_highest_ids_are_tokens_like_others()
    {
        var vocabulary = Vocabularies.Of(["a b", "ab c"], number => HighestId - number, ("<|endoftext|>", 7));
        var tokenizer = new Gpt2Tokenizer(vocabulary);
        Assert.Equal(1 + HighestId, vocabulary.Count);
        Assert.Equal([HighestId - 257, HighestId - 'b'], tokenizer.Encode("abcb"));
        Assert.Equal([HighestId], tokenizer.Encode("\0"));
        Assert.Equal(7, vocabulary.EndOfText);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("roberta")]
    public void A_long_word_has_the_tokens_that_it_has_in_one_piece(string? name)
    {
        var vocabulary = name is null ? Gpt2Vocabulary.BuiltIn : Vocabularies.Read(name);
        Assert.InRange(vocabulary.Merges.UnsettledBytes, 64, 1 << 20);
        var random = new Random(11);
        foreach (var letters in new[] { "acgt", "=", "ae", "th\u00e9", "海は静か" })
        {
            var word = new StringBuilder();
            while (word.Length < LongWordBytes / Encoding.UTF8.GetByteCount(letters) * letters.Length)
                word.Append(letters[random.Next(letters.Length)]);
            var text = Encoding.UTF8.GetBytes(word.ToString());
            Assert.True(text.Length > new BytePairMerger(vocabulary.Merges).LongestAtOnceBytes, letters);
            var whole = new ushort[text.Length];
            var count = LongMerge.Encode(vocabulary.Merges, text, whole);
            vocabulary.Merges.ToIds(whole.AsSpan(0, count));
            var tokens = new ushort[text.Length];
            var read = new Gpt2Tokenizer(vocabulary).EncodeUtf8(text, final: true, tokens, out var parts);
            Assert.Equal(text.Length, read);
            Assert.True(whole.AsSpan(0, count).SequenceEqual(tokens.AsSpan(0, parts)), letters);
        }
    }

    [Fact]
    public void A_word_of_any_length_is_read_in_parts()
    {
        const int megabytes = 40;
        using var tokens = new MemoryStream();
        using var dataset = new DatasetTokenizer(tokens);
        dataset.BeginDocument("word");
        var piece = Encoding.ASCII.GetBytes(new string('\'', 1 << 20));
        for (var part = 0; part < megabytes; part++)
            dataset.Text(piece);
        dataset.Text("s end"u8);
        dataset.EndDocument();
        dataset.Complete();
        var decoded = new Gpt2Tokenizer().DecodeBytes(Ids(tokens.ToArray()));
        Assert.Equal((megabytes << 20) + 5, decoded.Length);
        Assert.Equal((megabytes << 20) - 1, decoded.AsSpan().LastIndexOf((byte)'\''));
        Assert.Equal(new Gpt2Tokenizer().Encode("''''s end").TakeLast(2), Ids(tokens.ToArray()).TakeLast(2));
    }

    [Fact]
    public void Documents_end_with_the_vocabularys_own_token_or_with_nothing()
    {
        var roberta = Vocabularies.Read("roberta");
        var tokens = Tokenize(roberta, out var documents, "one<|endoftext|>two", "three");
        var tokenizer = new Gpt2Tokenizer(roberta);
        Assert.Equal(
            [.. tokenizer.Encode("one"), 2, .. tokenizer.Encode("two"), 2, .. tokenizer.Encode("three")], tokens);
        Assert.Equal(3, documents);

        var none = Vocabularies.Of(["o n"]);
        Assert.Equal(
            new Gpt2Tokenizer(none).Encode("one").Concat(new Gpt2Tokenizer(none).Encode("twothree")),
            Tokenize(none, out documents, "one<|endoftext|>two", "three"));
        Assert.Equal(3, documents);
    }

    [Fact]
    public void A_prompt_begins_with_the_vocabularys_own_token_or_with_a_line()
    {
        Assert.Equal([2], PromptText.Encode("", new Gpt2Tokenizer(Vocabularies.Read("roberta"))));
        Assert.Equal([2], PromptText.Encode("<|endoftext|>", new Gpt2Tokenizer(Vocabularies.Read("roberta"))));
        Assert.Equal([(int)'\n'], PromptText.Encode("", new Gpt2Tokenizer(Vocabularies.Of(["a b"]))));
    }

    [Fact]
    public void Special_tokens_and_holes_are_never_shown()
    {
        var scattered = Vocabularies.Read("scattered");
        var text = new GeneratedText(scattered, []);
        foreach (var id in scattered.NeverDrawn.Append(scattered.EndOfText!.Value))
            Assert.Equal("", text.Add(id));
        foreach (var id in new Gpt2Tokenizer(scattered).Encode("The sea 海"))
            text.Add(id);
        text.Finish();
        Assert.Equal("The sea 海", text.ToString());
    }

    private static List<int> Tokenize(Gpt2Vocabulary vocabulary, out long documents, params string[] texts)
    {
        using var tokens = new MemoryStream();
        using var dataset = new DatasetTokenizer(tokens, tokenizer: new Gpt2Tokenizer(vocabulary));
        foreach (var text in texts)
        {
            dataset.BeginDocument("text");
            dataset.Text(Encoding.UTF8.GetBytes(text));
            dataset.EndDocument();
        }

        documents = dataset.Complete().DocumentCount;
        return Ids(tokens.ToArray());
    }

    private static List<int> Ids(byte[] tokens) =>
        [.. Enumerable.Range(0, tokens.Length / 2).Select(i => (int)BitConverter.ToUInt16(tokens, 2 * i))];
}

using System.Text;
using CsCheck;
using Gpt2Cluster.Data.Tokens;
using SharpToken;

namespace Gpt2Cluster.Data.Tests.Tokens;

public sealed class Gpt2TokenizerTests
{
    // Measured well under a second; a quadratic method takes minutes.
    private static readonly TimeSpan LongPieceLimit = TimeSpan.FromSeconds(10);

    private readonly Gpt2Tokenizer tokenizer = new();
    private readonly PlainTokenizer plain = new();

    [Fact]
    public void Equals_the_original_on_every_hard_string()
    {
        var count = 0;
        foreach (var golden in Golden.Json("tokenizer.json").EnumerateArray())
        {
            var text = golden.GetProperty("text").GetString()!;
            var ids = golden.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32());
            Assert.Equal(ids, tokenizer.Encode(text));
            Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text)));
            count++;
        }

        Assert.True(count > 50, $"only {count} strings in the golden file");
    }

    [Fact]
    public void Equals_the_original_on_tinyshakespeare()
    {
        var golden = Golden.Json("tinyshakespeare-tokens.json");
        var tokens = tokenizer.Encode(File.ReadAllText(Golden.Path("tinyshakespeare.txt")));
        Assert.Equal(golden.GetProperty("tinyshakespeare_tokens").GetInt32(), tokens.Count);
        Assert.Equal(golden.GetProperty("sha256_of_uint16_little_endian").GetString(), Golden.Hash(tokens));
    }

    [Fact]
    public void End_of_text_is_ordinary_text()
    {
        Assert.Equal([27, 91, 437, 1659, 5239, 91, 29], tokenizer.Encode(Gpt2Vocabulary.EndOfTextWord));
        Assert.Equal("a<|endoftext|>", tokenizer.Decode([64, 50256]));
    }

    // SharpToken cuts pieces by .NET's regular expressions, so only the basic plane can be compared with it.
    [Fact]
    public void Equals_a_second_implementation_on_random_text()
    {
        var sharp = GptEncoding.GetEncoding("r50k_base");
        var letter = Gen.OneOf(
            Gen.Char[' ', '~'],
            Gen.Char['\u0001', '\u02ff'],
            Choice.Of(' ', ' ', '\n', '\t', '\'', 's', 'l', 'e', 'r', '\u00a0', '\u2009', '\u3000', '\u0085'),
            Gen.Char['\u0300', '\ud7ff'],
            Gen.Char['\ue000', '\uffff']);
        letter.Array[0, 60].Select(letters => new string(letters)).Sample(
            text => tokenizer.Encode(text).SequenceEqual(sharp.Encode(text)), iter: 10_000, threads: 1);
    }

    [Fact]
    public void Every_text_decodes_to_itself()
    {
        var rune = Gen.Int[0, 0x10FFFF].Where(value => Rune.IsValid(value)).Select(value => new Rune(value).ToString());
        rune.Array[0, 40].Select(string.Concat).Sample(
            text => tokenizer.Decode(tokenizer.Encode(text)) == text, iter: 3_000, threads: 1);
    }

    [Fact]
    public void Any_bytes_decode_to_themselves() => Gen.Byte.Array[0, 80].Sample(
        bytes =>
        {
            var tokens = EncodeUtf8(bytes).Select(token => (int)token);
            return tokenizer.DecodeBytes(tokens).AsSpan().SequenceEqual(bytes);
        },
        iter: 3_000, threads: 1);

    [Fact]
    public void Long_pieces_take_seconds_at_most()
    {
        var random = new Random(1);
        var noise = new byte[200_000];
        random.NextBytes(noise);
        var texts = new[]
        {
            new string('a', 200_000), new string(' ', 200_000), new string('7', 200_000), new string('=', 200_000),
            Convert.ToBase64String(noise), string.Concat(Enumerable.Repeat("ab", 100_000)),
        };
        foreach (var text in texts)
        {
            var start = TimeProvider.System.GetTimestamp();
            var tokens = tokenizer.Encode(text);
            var taken = TimeProvider.System.GetElapsedTime(start);
            Assert.True(taken < LongPieceLimit, $"'{text[..8]}...' took {taken}");
            Assert.Equal(text, tokenizer.Decode(tokens));
        }
    }

    [Fact]
    public void Equals_the_plain_tokeniser() => MixedTexts.Any.Sample(
        text => EncodeUtf8(text).SequenceEqual(plain.Encode(text)), iter: 10_000, threads: 1);

    [Fact]
    public void Equals_the_plain_tokeniser_on_prose_and_code()
    {
        var text = File.ReadAllBytes(Golden.Path("tinyshakespeare.txt")).AsSpan(0, 300_000).ToArray();
        byte[] mixed = [.. text, .. File.ReadAllBytes(Golden.Path("tokenizer.json")), .. text];
        Assert.Equal(plain.Encode(mixed), EncodeUtf8(mixed));
    }

    // Every place where the text may be cut, and what is left is given again with the rest behind it.
    [Fact]
    public void A_text_in_two_parts_equals_the_whole() => MixedTexts.Any.Sample(
        text =>
        {
            var whole = plain.Encode(text);
            for (var cut = 0; cut <= text.Length; cut++)
            {
                var tokens = new ushort[text.Length];
                var done = tokenizer.EncodeUtf8(text.AsSpan(0, cut), final: false, tokens, out var first);
                tokenizer.EncodeUtf8(text.AsSpan(done), final: true, tokens.AsSpan(first), out var second);
                if (!whole.SequenceEqual(tokens[..(first + second)]))
                    return false;
            }

            return true;
        },
        iter: 300, threads: 1);

    // More words than either cache holds, each twice and far apart.
    [Fact]
    public void Full_caches_change_nothing()
    {
        var random = new Random(7);
        var words = Enumerable.Range(0, 200_000).Select(i => Word(random, i)).ToArray();
        var text = Encoding.UTF8.GetBytes(string.Join(' ', words.Concat(words)));
        var tokens = EncodeUtf8(text);
        Assert.Equal(text, tokenizer.DecodeBytes(tokens.Select(token => (int)token)));
        for (var i = 0; i < words.Length; i += 40)
        {
            var word = Encoding.UTF8.GetBytes($" {words[i]}");
            Assert.Equal(plain.Encode(word), EncodeUtf8(word));
        }
    }

    [Fact]
    public void Known_words_cost_no_allocation()
    {
        var text = File.ReadAllBytes(Golden.Path("tinyshakespeare.txt"));
        var tokens = new ushort[text.Length];
        tokenizer.EncodeUtf8(text, final: true, tokens, out _);
        var before = GC.GetAllocatedBytesForCurrentThread();
        tokenizer.EncodeUtf8(text, final: true, tokens, out _);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void Room_that_is_too_small_is_refused() =>
        Assert.Throws<ArgumentException>(() => tokenizer.EncodeUtf8("two words"u8, final: true, new ushort[8], out _));

    private static string Word(Random random, int index) => (index % 4) switch
    {
        0 => $"{(char)('a' + random.Next(26))}{index}",
        1 => Convert.ToHexString(BitConverter.GetBytes(random.NextInt64())),
        2 => string.Concat(Enumerable.Range(0, 12).Select(_ => (char)('a' + random.Next(26)))),
        _ => string.Concat(Enumerable.Range(0, 9).Select(_ => (char)('\u0430' + random.Next(32)))),
    };

    private ushort[] EncodeUtf8(byte[] text)
    {
        var tokens = new ushort[text.Length];
        Assert.Equal(text.Length, tokenizer.EncodeUtf8(text, final: true, tokens, out var count));
        return tokens[..count];
    }
}

using System.Text;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Tests.Tokens;

public sealed class ParallelTokenizerTests
{
    private readonly Gpt2Tokenizer one = new();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(16)]
    public void Equals_one_tokeniser(int threads)
    {
        var prose = File.ReadAllBytes(Golden.Path("tinyshakespeare.txt"));
        byte[] text = [.. prose, .. Foreign(), .. Encoding.ASCII.GetBytes(new string(' ', 700_000)), .. prose];
        var tokens = new ushort[text.Length];
        one.EncodeUtf8(text, final: true, tokens, out var count);
        var joined = new ushort[text.Length];
        var parallel = new ParallelTokenizer(new Gpt2Tokenizer(), threads);
        Assert.Equal(text.Length, parallel.EncodeUtf8(text, final: true, joined, out var joinedCount));
        Assert.Equal(tokens[..count], joined[..joinedCount]);
    }

    [Fact]
    public void What_more_text_could_lengthen_is_left()
    {
        var prose = File.ReadAllBytes(Golden.Path("tinyshakespeare.txt"));
        byte[] text = [.. prose, .. "unfinish"u8];
        var tokens = new ushort[text.Length];
        var done = one.EncodeUtf8(text, final: false, tokens, out var count);
        var joined = new ushort[text.Length];
        var parallel = new ParallelTokenizer(new Gpt2Tokenizer(), threads: 4);
        Assert.Equal(done, parallel.EncodeUtf8(text, final: false, joined, out var joinedCount));
        Assert.True(done < text.Length);
        Assert.Equal(tokens[..count], joined[..joinedCount]);
    }

    [Fact]
    public void A_long_word_between_others_is_text_like_any_other()
    {
        var text = new byte[3 << 20];
        text.AsSpan().Fill((byte)'=');
        "some words and a break "u8.CopyTo(text.AsSpan(600_000));
        var tokens = new ushort[text.Length];
        one.EncodeUtf8(text, final: true, tokens, out var count);
        var joined = new ushort[text.Length];
        var parallel = new ParallelTokenizer(new Gpt2Tokenizer(), threads: 4);
        Assert.Equal(text.Length, parallel.EncodeUtf8(text, final: true, joined, out var joinedCount));
        Assert.Equal(tokens[..count], joined[..joinedCount]);
    }

    private static byte[] Foreign()
    {
        var random = new Random(3);
        string[] words = [" дом", "中文", " é", "\u00a0", "\u3000 ", "🙂", " x", "\n", "'s"];
        return Encoding.UTF8.GetBytes(
            string.Concat(Enumerable.Range(0, 100_000).Select(_ => words[random.Next(words.Length)])));
    }
}

using System.Text;
using CsCheck;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Tests.Tokens;

public sealed class StreamingDecoderTests
{
    private readonly Gpt2Tokenizer tokenizer = new();

    [Fact]
    public void Holds_back_half_a_character()
    {
        var tokens = tokenizer.Encode("😀");
        var decoder = new StreamingDecoder(tokenizer.Vocabulary);
        Assert.True(tokens.Count > 1);
        Assert.All(tokens.SkipLast(1), token => Assert.Equal("", decoder.Add(token)));
        Assert.Equal("😀", decoder.Add(tokens[^1]));
        Assert.Equal("", decoder.Finish());
    }

    [Fact]
    public void Parts_joined_equal_the_whole() => Gen.Int[0, Gpt2Vocabulary.BuiltInCount - 1].Array[0, 40].Sample(
        tokens =>
        {
            var decoder = new StreamingDecoder(tokenizer.Vocabulary);
            var text = new StringBuilder();
            foreach (var token in tokens)
                text.Append(decoder.Add(token));
            return text.Append(decoder.Finish()).ToString() == tokenizer.Decode(tokens);
        },
        iter: 3_000, threads: 1);
}

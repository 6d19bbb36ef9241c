using CsCheck;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Tests.Tokens;

public sealed class GeneratedTextTests
{
    private readonly Gpt2Tokenizer tokenizer = new();

    [Fact]
    public void Pieces_are_whole_characters_and_joined_the_text()
    {
        const string written = "The sea 海は静か, and 👩‍🚀 é\u0301!";
        var text = new GeneratedText(Gpt2Vocabulary.BuiltIn, []);
        var pieces = tokenizer.Encode(written).Select(text.Add).Append(text.Finish()).ToList();
        Assert.All(pieces, piece => Assert.DoesNotContain('\uFFFD', piece));
        Assert.All(pieces.Where(piece => piece.Length > 0), piece => Assert.False(char.IsHighSurrogate(piece[^1])));
        Assert.Equal(written, string.Concat(pieces));
        Assert.Equal(written, text.ToString());
    }

    [Fact]
    public void A_stop_that_arrives_over_several_tokens_is_found_whatever_the_tokens() =>
        Gen.Int[0, Gpt2Vocabulary.BuiltInCount - 1].Array[0, 10].Sample(
            before =>
            {
                var text = new GeneratedText(Gpt2Vocabulary.BuiltIn, ["\n👩‍🚀 stop"]);
                foreach (var token in before)
                    text.Add(token);
                Assert.False(text.IsStopped);
                var pieces = tokenizer.Encode("\n👩‍🚀 stop and more").Select(text.Add).ToList();
                Assert.True(text.IsStopped);
                Assert.DoesNotContain("stop", string.Concat(pieces), StringComparison.Ordinal);
                Assert.Equal("", text.Finish());
                var whole = tokenizer.Decode(before.Where(token => token != 50256));
                Assert.Equal(whole, text.ToString());
            },
            iter: 300,
            threads: 1);

    [Fact]
    public void The_end_of_text_is_never_shown_and_half_a_character_is_shown_as_broken_only_at_the_end()
    {
        var text = new GeneratedText(Gpt2Vocabulary.BuiltIn, []);
        Assert.Equal("", text.Add(50256));
        var half = tokenizer.Encode("👩")[0];
        Assert.Equal("", text.Add(half));
        Assert.Equal("\uFFFD", text.Finish());
    }
}

using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Tests.Tokens;

public sealed class VocabularyProbeTests
{
    [Fact]
    public void Two_tokenizers_agree_on_OpenAIs_merges_under_other_ids()
    {
        var published = Gpt2Vocabulary.BuiltIn;
        var tokens = Enumerable.Range(0, published.Count).ToDictionary(id => published.WordOf(id)!, id => 60_000 - id);
        var other = Gpt2Vocabulary.Read(tokens, VocabularyContent.MergeWords(published), default, "a folder");
        Assert.NotNull(other.Reference);
        VocabularyProbe.Check(other, "a folder");
        Assert.Equal(
            new Gpt2Tokenizer().Encode("The sea's 海!").Select(id => 60_000 - id),
            new Gpt2Tokenizer(other).Encode("The sea's 海!"));
    }

    [Fact]
    public void A_tokenizer_that_merges_otherwise_is_found_out()
    {
        var right = new Gpt2Tokenizer();
        var error = Assert.Throws<UserErrorException>(() => VocabularyProbe.Check(
            Gpt2Vocabulary.BuiltIn, "the folder x", text => [.. right.Encode(text).SkipLast(1), 0]));
        Assert.StartsWith("The vocabulary of the folder x does not give the same tokens", error.Message);
    }

    [Fact]
    public void A_model_with_fewer_rows_than_its_vocabulary_is_refused()
    {
        var error = Assert.Throws<UserErrorException>(
            () => VocabularyProbe.CheckBrought(Vocabularies.Read("roberta"), 700, "the folder x"));
        Assert.StartsWith("the folder x has 700 tokens", error.Message);
    }
}

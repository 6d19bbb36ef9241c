using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Tests.Tokens;

public sealed class VocabularyProbeTests
{
    [Fact]
    public void Two_tokenizers_agree_on_a_vocabulary_as_it_was_published()
    {
        using var folder = new TemporaryFolder();
        foreach (var name in (string[])["vocab.json", "merges.txt"])
        {
            using var file = File.Create(Path.Combine(folder.Path, name));
            using var published = Gpt2Vocabulary.OpenBuiltIn(name);
            published.CopyTo(file);
        }

        VocabularyProbe.Check(Gpt2Vocabulary.FromFolder(folder.Path), "a folder");
    }

    [Fact]
    public void A_tokenizer_that_merges_otherwise_is_found_out()
    {
        var right = new Gpt2Tokenizer();
        var error = Assert.Throws<UserErrorException>(() => VocabularyProbe.Check(
            Gpt2Vocabulary.BuiltIn, "the folder x", text => [.. right.Encode(text).SkipLast(1), 0]));
        Assert.StartsWith("The vocabulary of the folder x does not give the same tokens", error.Message);
    }
}

using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Models;
using Gpt2Cluster.Data.Models.HuggingFace;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Tests.Tokens;

public sealed class Gpt2VocabularyTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void OpenAIs_files_give_the_built_in_vocabulary_whatever_a_configuration_says()
    {
        foreach (var name in ModelFolder.VocabularyFileNames)
        {
            using var from = Gpt2Vocabulary.OpenBuiltIn(name);
            using var to = File.Create(folder.File(name));
            from.CopyTo(to);
        }

        folder.Write("config.json", """{"eos_token_id":50303}""");
        Assert.Same(Gpt2Vocabulary.BuiltIn, ModelFolder.ReadVocabulary(folder.Path));
        Assert.Equal((50257, 50256, 50257), Facts(Gpt2Vocabulary.BuiltIn));
        Assert.Null(Gpt2Vocabulary.BuiltIn.Reference);
        Assert.Empty(Gpt2Vocabulary.BuiltIn.NeverDrawn);
    }

    [Fact]
    public void Special_tokens_in_front_and_the_end_at_any_id()
    {
        var roberta = Vocabularies.Read("roberta");
        Assert.Equal((711, 2, 711), Facts(roberta));
        Assert.Equal([0, 1, 3, 4], roberta.NeverDrawn);
        Assert.Equal("</s>", roberta.WordOf(2));
        Assert.Equal((707, 0, 707), Facts(Vocabularies.Read("trained")));
    }

    [Fact]
    public void Holes_are_never_drawn_and_a_tokenizers_configuration_names_the_end()
    {
        var scattered = Vocabularies.Read("scattered");
        var end = Assert.Single(scattered.Special, pair => pair.Value == "[END]").Key;
        Assert.Equal(end, scattered.EndOfText);
        var drawn = Enumerable.Range(0, scattered.Count).Except(scattered.NeverDrawn).ToList();
        Assert.Equal(drawn.Where(id => id != end), drawn.Where(scattered.IsText));
        Assert.True(scattered.Count > drawn.Count + 500, $"{drawn.Count} of {scattered.Count}");
    }

    [Theory]
    [InlineData("""{"eos_token_id":4}""", 4)]
    [InlineData("""{"eos_token_id":[1,2]}""", 1)]
    [InlineData("""{"eos_token_id":300}""", 2)]
    [InlineData("""{"eos_token_id":null}""", 2)]
    public void A_configuration_names_the_end_if_that_is_a_special_token(string configuration, int expected)
    {
        folder.Write("config.json", configuration);
        Vocabularies.CopyTo("roberta", folder);
        Assert.Equal(expected, ModelFolder.ReadVocabulary(folder.Path).EndOfText);
    }

    [Fact]
    public void A_token_that_was_added_later_may_be_the_end()
    {
        Vocabularies.CopyTo("roberta", folder);
        folder.Write("added_tokens.json", """{"<|stop|>":711}""");
        folder.Write("special_tokens_map.json", """{"eos_token":"<|stop|>"}""");
        var vocabulary = ModelFolder.ReadVocabulary(folder.Path);
        Assert.Equal((712, 711, 712), Facts(vocabulary));
        Assert.Contains(2, vocabulary.NeverDrawn);
    }

    [Fact]
    public void Without_an_end_there_is_none() => Assert.Null(Vocabularies.Of(["a b"]).EndOfText);

    [Fact]
    public void A_vocabulary_is_written_and_read_again_under_its_hash()
    {
        var store = new VocabularyDirectory(folder.File("vocabularies"));
        foreach (var vocabulary in Vocabularies.Names.Select(Vocabularies.Read).Append(Vocabularies.Of(["a b"])))
        {
            store.Store(vocabulary);
            var read = store.Open(vocabulary.Reference!);
            Assert.Equal(Facts(vocabulary), Facts(read));
            Assert.Equal(vocabulary.MergeList, read.MergeList);
            for (var id = 0; id < vocabulary.Count; id++)
                Assert.Equal(vocabulary.WordOf(id), read.WordOf(id));
        }

        store.Store(Gpt2Vocabulary.BuiltIn);
        Assert.Equal(4, Directory.GetDirectories(folder.File("vocabularies")).Length);
    }

    [Fact]
    public void A_damaged_one_is_named_and_healed_by_the_next_upload()
    {
        var store = new VocabularyDirectory(folder.File("vocabularies"));
        var (vocabulary, other) = (Vocabularies.Of(["a b"]), Vocabularies.Of(["a c"]));
        store.Store(vocabulary);
        var file = folder.File($"vocabularies/{vocabulary.Sha256}/{VocabularyDirectory.FileName}");
        foreach (var content in new[] { VocabularyDirectory.Write(other), "{}"u8.ToArray() })
        {
            File.WriteAllBytes(file, content);
            Assert.Contains(file, Assert.Throws<UserErrorException>(() => store.Open(vocabulary.Sha256)).Message);
            store.Store(vocabulary);
            Assert.Equal(vocabulary.MergeList, store.Open(vocabulary.Sha256).MergeList);
        }
    }

    [Fact]
    public void Another_order_of_merges_or_another_end_is_another_vocabulary()
    {
        (string, int)[] special = [("<s>", 300), ("</s>", 301)];
        var hashes = new[]
        {
            Vocabularies.Of(["a b", "b c"], null, special), Vocabularies.Of(["b c", "a b"], null, special),
            Vocabularies.Of(["a b", "b c"], id => id ^ 1, special), Vocabularies.Of(["a b", "b c"], null, special[0]),
        };
        Assert.Equal(4, hashes.Select(each => each.Sha256).Distinct().Count());
    }

    [Theory]
    [InlineData("{\"a\": 0}", "no token \"Ā\" for the byte 0x00")]
    [InlineData("[]", "not a JSON object")]
    [InlineData("{\"a\": 65536}", "\"a\" the id 65536")]
    [InlineData("{\"a\": 3, \"b\": 3}", "\"b\" the id 3, which is \"a\"")]
    public void A_wrong_vocabulary_is_refused(string json, string expected)
    {
        folder.Write("vocab.json", json);
        folder.Write("merges.txt", "");
        folder.Write("config.json", "{}");
        var error = Assert.Throws<UserErrorException>(() => ModelFolder.ReadVocabulary(folder.Path));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.Contains(folder.Path, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a", "merge 2 of merges.txt is not two tokens")]
    [InlineData("a x y", "merge 2 of merges.txt is not two tokens")]
    [InlineData("a missing", "merge 2 of merges.txt has \"missing\"")]
    [InlineData("b c", "merge 2 of merges.txt has \"bc\"")]
    public void A_wrong_merge_is_named(string merge, string expected)
    {
        Vocabularies.CopyTo("roberta", folder);
        folder.Write("merges.txt", $"#version: 0.2\nĠ t\n{merge}\n");
        var error = Assert.Throws<UserErrorException>(() => ModelFolder.ReadVocabulary(folder.Path));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("vocab.json", "merges.txt")]
    [InlineData("merges.txt", "vocab.json")]
    public void One_file_without_the_other_is_not_taken_for_OpenAIs(string here, string missing)
    {
        Vocabularies.CopyTo("roberta", folder);
        File.Delete(folder.File(missing));
        Assert.True(File.Exists(folder.File(here)));
        var error = Assert.Throws<UserErrorException>(() => ModelFolder.ReadVocabulary(folder.Path));
        Assert.Contains($"lacks {missing}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Too_few_rows_are_refused()
    {
        var roberta = Vocabularies.Read("roberta");
        roberta.CheckRows(711, "the model");
        var error = Assert.Throws<UserErrorException>(() => roberta.CheckRows(710, "the model"));
        Assert.Contains("the model has 710 tokens", error.Message, StringComparison.Ordinal);
    }

    private static (int Count, int? End, int Rows) Facts(Gpt2Vocabulary vocabulary) =>
        (vocabulary.Count, vocabulary.EndOfText, vocabulary.RowsNeeded);
}

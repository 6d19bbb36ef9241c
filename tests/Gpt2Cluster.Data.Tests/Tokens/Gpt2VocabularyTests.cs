using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Tests.Tokens;

public sealed class Gpt2VocabularyTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_folder_with_the_same_files_gives_the_same_vocabulary()
    {
        Unpack("vocab.json");
        Unpack("merges.txt");
        var read = Gpt2Vocabulary.FromFolder(folder.Path);
        for (var id = 0; id < Gpt2Vocabulary.Count; id++)
            Assert.True(read.BytesOf(id).SequenceEqual(Gpt2Vocabulary.BuiltIn.BytesOf(id)), $"token {id}");
    }

    [Fact]
    public void Swapped_merges_are_refused()
    {
        Unpack("vocab.json");
        Unpack("merges.txt");
        var lines = File.ReadAllLines(folder.File("merges.txt"));
        (lines[10], lines[11]) = (lines[11], lines[10]);
        File.WriteAllLines(folder.File("merges.txt"), lines);
        var error = Assert.Throws<UserErrorException>(() => Gpt2Vocabulary.FromFolder(folder.Path));
        Assert.Contains("merge 10 of merges.txt", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"a\": 0}", "1 tokens")]
    [InlineData("[]", "not a JSON object")]
    public void A_wrong_vocabulary_is_refused(string json, string expected)
    {
        folder.Write("vocab.json", json);
        folder.Write("merges.txt", "");
        var error = Assert.Throws<UserErrorException>(() => Gpt2Vocabulary.FromFolder(folder.Path));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_file_is_named()
    {
        var error = Assert.Throws<UserErrorException>(() => Gpt2Vocabulary.FromFolder(folder.Path));
        Assert.Contains("vocab.json", error.Message, StringComparison.Ordinal);
    }

    private void Unpack(string name)
    {
        using var from = Gpt2Vocabulary.OpenBuiltIn(name);
        using var to = File.Create(folder.File(name));
        from.CopyTo(to);
    }
}

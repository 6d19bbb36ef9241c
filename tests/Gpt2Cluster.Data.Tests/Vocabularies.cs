using Gpt2Cluster.Data.Models.HuggingFace;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Tests;

/// <summary>The vocabularies under Goldens, which <c>tests/tokenizers/make.py</c> made.</summary>
internal static class Vocabularies
{
    public static readonly string[] Names = ["roberta", "trained", "scattered"];

    /// <summary>Reads one as the vocabulary of a model folder.</summary>
    public static Gpt2Vocabulary Read(string name)
    {
        using var folder = new TemporaryFolder();
        CopyTo(name, folder);
        return ModelFolder.ReadVocabulary(folder.Path);
    }

    /// <summary>Puts the files of one beside a configuration that says nothing of them.</summary>
    public static void CopyTo(string name, TemporaryFolder folder, string within = ".")
    {
        foreach (var path in Directory.EnumerateFiles(Golden.Path($"vocabularies/{name}")))
            folder.Write($"{within}/{Path.GetFileName(path)}", File.ReadAllBytes(path));
        if (!File.Exists(folder.File($"{within}/config.json")))
            folder.Write($"{within}/config.json", "{}");
    }

    /// <summary>A vocabulary of 256 bytes at ids of their own, some merges, and what else a test wants.</summary>
    public static Gpt2Vocabulary Of(
        IEnumerable<string> merges, Func<int, int>? idOf = null, params (string Word, int Id)[] special)
    {
        var tokens = Enumerable.Range(0, 256)
            .Select(value => ByteLetters.Letter((byte)value).ToString())
            .Concat(merges.Select(merge => merge.Replace(" ", "", StringComparison.Ordinal)))
            .Distinct()
            .Select((word, number) => (word, number))
            .ToDictionary(each => each.word, each => idOf?.Invoke(each.number) ?? each.number);
        foreach (var (word, id) in special)
            tokens.Add(word, id);
        return Gpt2Vocabulary.Read(tokens, merges, default, "a test");
    }
}

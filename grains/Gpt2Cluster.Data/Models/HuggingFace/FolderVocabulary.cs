using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Models.HuggingFace;

/// <summary>The vocabulary of a model folder, and how its files say it.</summary>
/// <param name="Vocabulary">The vocabulary; the built-in one where the folder brings none.</param>
/// <param name="IsBrought">Whether the folder brings it.</param>
/// <param name="IsAsStored">
/// Whether <c>vocab.json</c> and <c>merges.txt</c> say all of it; there may be none. Else the store's are written anew.
/// </param>
/// <param name="IsConfigured">Whether the configuration names its end-of-text token.</param>
internal sealed record FolderVocabulary(
    Gpt2Vocabulary Vocabulary, bool IsBrought, bool IsAsStored, bool IsConfigured)
{
    /// <summary>
    /// Reads it from <c>vocab.json</c> and <c>merges.txt</c> with the small files beside them, or from
    /// <c>tokenizer.json</c>.
    /// </summary>
    /// <exception cref="UserErrorException">It is none of GPT-2's kind.</exception>
    public static FolderVocabulary Read(string folder)
    {
        var tokenizer = Path.Combine(folder, TokenizerFile.FileName);
        var isInFiles = Gpt2Vocabulary.IsIn(folder);
        if (!isInFiles && !File.Exists(tokenizer))
        {
            CheckThatNoneIsThere(folder);
            return new FolderVocabulary(Gpt2Vocabulary.BuiltIn, IsBrought: false, IsAsStored: true, IsConfigured: true);
        }

        var named = SpecialTokens.Read(folder);
        var configured = ModelConfiguration.ReadEndOfText(Path.Combine(folder, ModelConfiguration.FileName));
        var hint = new EndOfTextHint(configured, named.EndOfText);
        var isAsStored = isInFiles;
        var vocabulary = isInFiles
            ? ReadFiles(folder, named, hint, out isAsStored)
            : TokenizerFile.Read(tokenizer, hint);

        // OpenAI's end-of-text token is known by its word, whatever a configuration says.
        var isConfigured = vocabulary.Reference is null || vocabulary.EndOfText == configured;
        return new FolderVocabulary(vocabulary, IsBrought: true, isAsStored, isConfigured);
    }

    /// <exception cref="UserErrorException">One of the two files is there: OpenAI's tokens would be others.</exception>
    private static void CheckThatNoneIsThere(string folder)
    {
        string[] names = ["vocab.json", "merges.txt"];
        if (names.Any(name => File.Exists(Path.Combine(folder, name))))
        {
            var missing = names.First(name => !File.Exists(Path.Combine(folder, name)));
            throw new UserErrorException($"The model folder {folder} lacks {missing}; add it, or remove the other "
                + "file of the two to use the built-in GPT-2 vocabulary.");
        }
    }

    private static Gpt2Vocabulary ReadFiles(
        string folder, SpecialTokens named, EndOfTextHint hint, out bool isAsStored)
    {
        using var json = ElementFile.OpenStream(Path.Combine(folder, "vocab.json"));
        using var merges = ElementFile.OpenStream(Path.Combine(folder, "merges.txt"));
        var tokens = VocabularyReader.Tokens(json, folder);
        var known = tokens.Count;
        var taken = tokens.Values.ToHashSet();
        foreach (var (word, id) in named.Added)
        {
            if (taken.Add(id))
                tokens.TryAdd(word, id);
        }

        isAsStored = tokens.Count == known;
        return Gpt2Vocabulary.Read(tokens, VocabularyReader.MergeLines(merges), hint, folder);
    }
}

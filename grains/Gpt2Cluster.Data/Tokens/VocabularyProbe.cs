using System.Text;
using System.Text.Unicode;
using Gpt2Cluster.Core;
using Microsoft.ML.Tokenizers;

namespace Gpt2Cluster.Data.Tokens;

/// <summary>
/// Encodes a text by Microsoft.ML.Tokenizers as well, with a vocabulary that somebody brings: where a second tokeniser
/// gives other tokens a model would be trained on tokens it does not know.
/// </summary>
public static class VocabularyProbe
{
    // Every so many tokens of the vocabulary make the text, without a divisor in common with any power of two.
    private const int Stride = 23;

    /// <summary>Checks a vocabulary; takes some tenths of a second. The built-in one is known.</summary>
    /// <param name="vocabulary">The vocabulary.</param>
    /// <param name="place">Where it comes from, for the message.</param>
    /// <exception cref="UserErrorException">Two tokenisers disagree on it.</exception>
    public static void Check(Gpt2Vocabulary vocabulary, string place)
    {
        ArgumentNullException.ThrowIfNull(vocabulary);
        if (!ReferenceEquals(vocabulary, Gpt2Vocabulary.BuiltIn))
            Check(vocabulary, place, new Gpt2Tokenizer(vocabulary).Encode);
    }

    /// <summary>Checks a vocabulary that comes with a model, also against the rows of the model's embedding.</summary>
    /// <exception cref="UserErrorException">Two tokenisers disagree on it, or there are too few rows.</exception>
    public static void CheckBrought(Gpt2Vocabulary vocabulary, int rows, string place)
    {
        ArgumentNullException.ThrowIfNull(vocabulary);
        if (vocabulary.Reference is not null)
            vocabulary.CheckRows(rows, place);
        Check(vocabulary, place);
    }

    /// <summary>The same with another first tokeniser.</summary>
    internal static void Check(Gpt2Vocabulary vocabulary, string place, Func<string, IReadOnlyList<int>> encode)
    {
        var text = TextOf(vocabulary);
        if (encode.Invoke(text).SequenceEqual(ByLibrary(vocabulary, text)))
            return;
        throw new UserErrorException(
            $"The vocabulary of {place} does not give the same tokens by two tokenizers; bring vocab.json and "
            + "merges.txt as they were published with the model.");
    }

    private static string TextOf(Gpt2Vocabulary vocabulary)
    {
        var text = new List<byte>();
        for (var id = 0; id < vocabulary.Count; id += Stride)
        {
            if (vocabulary.IsText(id) && Utf8.IsValid(vocabulary.BytesOf(id)))
                text.AddRange(vocabulary.BytesOf(id));
        }

        return Encoding.UTF8.GetString([.. text]);
    }

    // The library is given the pieces in the letters of vocab.json: then it has nothing to do but to merge.
    private static List<int> ByLibrary(Gpt2Vocabulary vocabulary, string text)
    {
        var library = BpeTokenizer.Create(new BpeOptions(Tokens(vocabulary))
        {
            Merges = VocabularyContent.MergeWords(vocabulary),
        });
        var tokens = new List<int>();
        var rest = Encoding.UTF8.GetBytes(text).AsSpan();
        while (!rest.IsEmpty)
        {
            var length = PreTokenScanner.Next(rest);
            tokens.AddRange(library.EncodeToIds(
                ByteLetters.ToLetters(rest[..length]), considerPreTokenization: false, considerNormalization: false));
            rest = rest[length..];
        }

        return tokens;
    }

    private static IEnumerable<KeyValuePair<string, int>> Tokens(Gpt2Vocabulary vocabulary) =>
        Enumerable.Range(0, vocabulary.Count)
            .Where(vocabulary.IsText)
            .Select(id => KeyValuePair.Create(vocabulary.WordOf(id)!, id));
}

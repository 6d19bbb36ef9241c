using System.Text;
using System.Text.Unicode;
using Gpt2Cluster.Core;
using Microsoft.ML.Tokenizers;

namespace Gpt2Cluster.Data.Tokens;

/// <summary>
/// Encodes a text by Microsoft.ML.Tokenizers as well, with a vocabulary that somebody brings: what a second tokeniser
/// merges into other tokens is no vocabulary of GPT-2's kind, and a model would be trained on tokens it does not know.
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
        for (var id = 0; id < Gpt2Vocabulary.EndOfText; id += Stride)
        {
            if (Utf8.IsValid(vocabulary.BytesOf(id)))
                text.AddRange(vocabulary.BytesOf(id));
        }

        return Encoding.UTF8.GetString([.. text]);
    }

    private static List<int> ByLibrary(Gpt2Vocabulary vocabulary, string text)
    {
        using var ranks = Ranks(vocabulary);
        var library = TiktokenTokenizer.Create(ranks, preTokenizer: null, normalizer: null);
        var tokens = new List<int>();
        var rest = Encoding.UTF8.GetBytes(text).AsSpan();
        while (!rest.IsEmpty)
        {
            var length = PreTokenScanner.Next(rest);
            var piece = Encoding.UTF8.GetString(rest[..length]);
            tokens.AddRange(library.EncodeToIds(
                piece, considerPreTokenization: false, considerNormalization: false));
            rest = rest[length..];
        }

        return tokens;
    }

    // The ranks in tiktoken's format, one "base64 id" a line.
    private static MemoryStream Ranks(Gpt2Vocabulary vocabulary)
    {
        var lines = Enumerable.Range(0, Gpt2Vocabulary.EndOfText)
            .Select(id => $"{Convert.ToBase64String(vocabulary.BytesOf(id))} {id}\n");
        return new MemoryStream(Encoding.ASCII.GetBytes(string.Concat(lines)));
    }
}

using System.Text;
using System.Text.Unicode;
using Gpt2Cluster.Data.Tokens;
using Microsoft.ML.Tokenizers;

namespace Gpt2Cluster.Data.Tests.Tokens;

/// <summary>
/// The dumb twin of the tokeniser: pieces by <see cref="PlainScanner"/>, their tokens by Microsoft.ML.Tokenizers, or by
/// <see cref="PlainMerger"/> where the piece is no UTF-8, which the library's strings cannot hold. Caches nothing.
/// </summary>
internal sealed class PlainTokenizer
{
    private const int LibraryCacheLimit = 1;
    private readonly Tokenizer library;
    private readonly PlainMerger merger = new(Gpt2Vocabulary.BuiltIn);

    public PlainTokenizer()
    {
        using var ranks = Ranks(Gpt2Vocabulary.BuiltIn);
        library = TiktokenTokenizer.Create(ranks, preTokenizer: null, normalizer: null, cacheSize: LibraryCacheLimit);
    }

    public List<ushort> Encode(ReadOnlySpan<byte> text)
    {
        var tokens = new List<ushort>();
        while (!text.IsEmpty)
        {
            var length = PlainScanner.Next(text);
            var piece = text[..length];
            tokens.AddRange((Utf8.IsValid(piece)
                ? library.EncodeToIds(
                    Encoding.UTF8.GetString(piece), considerPreTokenization: false, considerNormalization: false)
                : merger.Encode(piece.ToArray())).Select(token => (ushort)token));
            text = text[length..];
        }

        return tokens;
    }

    // The ranks in tiktoken's format, one "base64 id" a line.
    private static MemoryStream Ranks(Gpt2Vocabulary vocabulary)
    {
        var lines = Enumerable.Range(0, 50256)
            .Select(id => $"{Convert.ToBase64String(vocabulary.BytesOf(id))} {id}\n");
        return new MemoryStream(Encoding.ASCII.GetBytes(string.Concat(lines)));
    }
}

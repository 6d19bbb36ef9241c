using System.Runtime.InteropServices;
using System.Text;
using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Sources;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Datasets;

/// <summary>Prompts, read as a dataset's texts are.</summary>
public static class PromptText
{
    /// <summary>
    /// The tokens of a prompt: <c>&lt;|endoftext|&gt;</c> is its token as in a dataset, and an empty prompt is that
    /// token alone, or what a text begins with (<see cref="Begin"/>) where there is none.
    /// </summary>
    public static IReadOnlyList<int> Encode(string prompt, Gpt2Tokenizer tokenizer)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        ArgumentNullException.ThrowIfNull(tokenizer);
        var sink = new TokenSink(tokenizer);
        var splitter = new EndOfTextSplitter(sink);
        splitter.Text(Encoding.UTF8.GetBytes(prompt));
        splitter.EndDocument();
        return sink.Tokens.Count > 0 ? sink.Tokens : Begin(tokenizer.Vocabulary);
    }

    /// <summary>
    /// What a text without a prompt begins with: the end-of-text token, or where the vocabulary has none a line's end.
    /// </summary>
    public static IReadOnlyList<int> Begin(Gpt2Vocabulary vocabulary)
    {
        ArgumentNullException.ThrowIfNull(vocabulary);
        return
        [
            vocabulary.EndOfText
                ?? Enumerable.Range(0, vocabulary.Count).First(
                    id => vocabulary.IsText(id) && vocabulary.BytesOf(id) is [(byte)'\n']),
        ];
    }

    /// <summary>
    /// A prompt from a file, read as a text of a dataset is: UTF-8, or UTF-16 by its byte-order mark; the mark goes,
    /// CRLF and CR become LF.
    /// </summary>
    /// <exception cref="UserErrorException">It cannot be read or is no text; the place is named.</exception>
    public static string Read(string path)
    {
        using var text = new TextFileReader(SourceFile.At(path));
        var lines = new LineEnds();
        var bytes = new List<byte>();
        while (text.Next() is { Length: > 0 } piece)
            bytes.AddRange(lines.Normalize(piece.Span));
        bytes.AddRange(lines.Finish());
        return Encoding.UTF8.GetString(CollectionsMarshal.AsSpan(bytes));
    }

    /// <summary>Keeps the tokens.</summary>
    private sealed class TokenSink(Gpt2Tokenizer tokenizer) : IMarkedTextSink
    {
        private readonly List<byte> part = [];

        public List<int> Tokens { get; } = [];

        public void Text(ReadOnlySpan<byte> utf8) => part.AddRange(utf8);

        public void EndOfText()
        {
            EndDocument();
            if (tokenizer.Vocabulary.EndOfText is { } token)
                Tokens.Add(token);
        }

        public void EndDocument()
        {
            var tokens = new ushort[part.Count];
            tokenizer.EncodeUtf8(CollectionsMarshal.AsSpan(part), final: true, tokens, out var count);
            Tokens.AddRange(tokens.AsSpan(0, count).ToArray().Select(token => (int)token));
            part.Clear();
        }
    }
}

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
    /// token alone.
    /// </summary>
    public static IReadOnlyList<int> Encode(string prompt, Gpt2Tokenizer tokenizer)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        ArgumentNullException.ThrowIfNull(tokenizer);
        var sink = new TokenSink(tokenizer);
        var splitter = new EndOfTextSplitter(sink);
        splitter.Text(Encoding.UTF8.GetBytes(prompt));
        splitter.EndDocument();
        return sink.Tokens.Count == 0 ? [Gpt2Vocabulary.EndOfText] : sink.Tokens;
    }

    /// <summary>A prompt from a file of UTF-8: a byte-order mark goes, CRLF and CR become LF.</summary>
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
    private sealed class TokenSink(Gpt2Tokenizer tokenizer) : ITextSink
    {
        private readonly List<byte> part = [];

        public List<int> Tokens { get; } = [];

        public void Text(ReadOnlySpan<byte> utf8) => part.AddRange(utf8);

        public void EndOfText()
        {
            EndDocument();
            Tokens.Add(Gpt2Vocabulary.EndOfText);
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

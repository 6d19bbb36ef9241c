using System.Runtime.InteropServices;
using System.Text;
using Gpt2Cluster.Core;
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
        using var reader = new Utf8FileReader(path);
        var sink = new ByteSink();
        var cleaner = new TextCleaner(loneReturnsToo: true, sink);
        while (reader.Next() is { Length: > 0 } piece)
            cleaner.Text(piece.Span);
        cleaner.EndDocument();
        return sink.ToString();
    }

    /// <summary>Keeps the text.</summary>
    private sealed class ByteSink : ITextSink
    {
        private readonly List<byte> bytes = [];

        public void Text(ReadOnlySpan<byte> utf8) => bytes.AddRange(utf8);

        public void EndOfText() => throw new InvalidOperationException("A cleaner knows no end of text.");

        public void EndDocument()
        {
        }

        public override string ToString() => Encoding.UTF8.GetString(CollectionsMarshal.AsSpan(bytes));
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
            tokenizer.EncodeUtf8(CollectionsMarshal.AsSpan(part), final: true, Tokens);
            part.Clear();
        }
    }
}

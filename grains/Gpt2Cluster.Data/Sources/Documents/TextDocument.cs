using System.Text;

namespace Gpt2Cluster.Data.Sources.Documents;

/// <summary>Passes on the text of one file that is one document, in lines.</summary>
internal sealed class TextDocument
{
    private const int EnoughCharacters = 16 << 10;

    private readonly IDocumentSink sink;
    private readonly StringBuilder text = new();
    private bool isLineStart = true;

    /// <summary>Begins the document.</summary>
    public TextDocument(SourceFile file, IDocumentSink sink)
    {
        this.sink = sink;
        sink.BeginDocument(file.Name);
    }

    /// <summary>Whether it has anything but blanks.</summary>
    public bool HasText { get; private set; }

    /// <summary>Adds words; characters that no text has are left out.</summary>
    public void Add(ReadOnlySpan<char> words)
    {
        foreach (var character in words)
        {
            if (character == '\0')
                continue;
            text.Append(character);
            isLineStart = character == '\n';
            HasText |= !char.IsWhiteSpace(character);
        }
    }

    /// <summary>Ends a line, if one is open, and adds blank ones.</summary>
    /// <param name="blankLines">How many blank lines follow; none at the document's beginning.</param>
    public void EndLine(int blankLines = 0)
    {
        if (!HasText)
        {
            text.Clear();
            isLineStart = true;
            return;
        }

        if (!isLineStart)
            text.Append('\n');
        text.Append('\n', blankLines);
        isLineStart = true;
        if (text.Length > EnoughCharacters)
            Flush();
    }

    /// <summary>Ends a line; one that has nothing is a blank line, as its author meant it.</summary>
    public void EndParagraph() => EndLine(isLineStart ? 1 : 0);

    /// <summary>Ends the document.</summary>
    public void End()
    {
        EndLine();
        Flush();
        sink.EndDocument();
    }

    private void Flush()
    {
        sink.Text(Encoding.UTF8.GetBytes(text.ToString()));
        text.Clear();
    }
}

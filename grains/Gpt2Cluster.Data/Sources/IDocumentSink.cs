namespace Gpt2Cluster.Data.Sources;

/// <summary>
/// Takes the documents of a dataset in order, in pieces. <see cref="DatasetSource"/> feeds it from files, an upload
/// from what travels; the tokenizer and the upload's writer are fed.
/// </summary>
public interface IDocumentSink
{
    /// <summary>A document begins: a file, a line of a .jsonl or a row of a .csv.</summary>
    /// <param name="name">For people: where it comes from.</param>
    void BeginDocument(string name);

    /// <summary>More text of the document: raw UTF-8 as the file has it; a piece may end within a character.</summary>
    void Text(ReadOnlySpan<byte> utf8);

    /// <summary>
    /// The text of the document ends with the end-of-text token, whatever comes behind it; nothing but its end may
    /// follow.
    /// </summary>
    void EndOfText();

    /// <summary>More tokens of the document; a document has text or tokens, not both.</summary>
    void Tokens(ReadOnlySpan<ushort> tokens);

    /// <summary>An array of an .npz ends.</summary>
    void EndArray();

    /// <summary>The document ends.</summary>
    void EndDocument();
}

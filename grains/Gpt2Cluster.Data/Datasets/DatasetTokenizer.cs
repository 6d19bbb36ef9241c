using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Sources;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Datasets;

/// <summary>
/// Turns documents into tokens, uint16 little endian, in constant memory. Between documents that have content comes
/// the vocabulary's end-of-text token, and nothing where it has none; nothing comes after the last unless it ends so
/// itself; a document without content, such as an empty file in a folder, leaves no trace. One thread at a time.
/// </summary>
public sealed class DatasetTokenizer : IDocumentSink, IMarkedTextSink, IDisposable
{
    /// <summary>Fewest tokens that can be trained on: an input and its target.</summary>
    public const int FewestTokens = 2;

    private static readonly byte[] Word = "<|endoftext|>"u8.ToArray();

    private readonly DatasetOptions options;
    private readonly Gpt2Vocabulary vocabulary;
    private readonly TokenWriter output;
    private readonly TextEncoder encoder;
    private readonly TextCleaner cleaner;
    private readonly List<long> chunkLengths = [];
    private long chunkStart;
    private long charactersBefore;
    private long documentCount;
    private bool documentHasContent;
    private bool documentHasArrays;
    private bool documentIsEnded;
    private bool isSeparated;

    /// <summary>Begins a dataset.</summary>
    /// <param name="output">Where the tokens go; stays open.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <param name="tokenizer">Whose vocabulary; null for GPT-2's own.</param>
    public DatasetTokenizer(Stream output, DatasetOptions? options = null, Gpt2Tokenizer? tokenizer = null)
    {
        ArgumentNullException.ThrowIfNull(output);
        this.options = options ?? new DatasetOptions();
        tokenizer ??= new Gpt2Tokenizer();
        vocabulary = tokenizer.Vocabulary;
        this.output = new TokenWriter(output, vocabulary.EndOfText);
        encoder = new TextEncoder(tokenizer, this.output);
        cleaner = new TextCleaner(this.options.LegacyEndOfText ? this : new EndOfTextSplitter(this));
    }

    // Before anything is taken out.
    private long ChunkCharacters => cleaner.CharacterCount - charactersBefore;

    /// <summary>Tokens written so far.</summary>
    public long TokenCount => output.Count;

    /// <inheritdoc/>
    public void BeginDocument(string name) =>
        (documentHasContent, documentHasArrays, documentIsEnded) = (false, false, false);

    /// <inheritdoc/>
    public void Text(ReadOnlySpan<byte> utf8) => cleaner.Text(utf8);

    /// <inheritdoc/>
    public void EndOfText() => documentIsEnded = true;

    /// <inheritdoc/>
    /// <exception cref="UserErrorException">One is none of the vocabulary's.</exception>
    public void Tokens(ReadOnlySpan<ushort> tokens)
    {
        if (tokens.IsEmpty)
            return;
        var last = (ushort)(vocabulary.Count - 1);
        if (tokens.IndexOfAnyExceptInRange((ushort)0, last) is >= 0 and var place)
        {
            throw new UserErrorException($"The dataset holds the token {tokens[place]}, and the vocabulary's are 0 to "
                + $"{last}; encode the text with the model's own.");
        }

        BeginContent();
        output.Write(tokens);
    }

    /// <inheritdoc/>
    public void EndArray()
    {
        documentHasArrays = true;
        EndChunk();
    }

    /// <inheritdoc/>
    public void EndDocument()
    {
        if (documentHasArrays)
            documentCount++;
        else
            cleaner.EndDocument();
    }

    /// <summary>Ends the dataset.</summary>
    /// <returns>Counts and hash.</returns>
    /// <exception cref="UserErrorException">There are fewer than two tokens.</exception>
    public TokenizedDataset Complete()
    {
        EndChunk();
        if (output.Count < FewestTokens)
            throw new UserErrorException($"The dataset has {(output.Count == 0 ? "no token" : "only one token")}; "
                + $"give a text of at least {FewestTokens} tokens.");
        var documents = options.LegacyEndOfText ? documentCount : output.StretchCount;
        return new TokenizedDataset(output.Count, documents, output.Hash(), chunkLengths);
    }

    /// <inheritdoc/>
    public void Dispose() => output.Dispose();

    void ITextSink.Text(ReadOnlySpan<byte> utf8)
    {
        BeginContent();
        encoder.Append(utf8);
    }

    void IMarkedTextSink.EndOfText()
    {
        BeginContent();
        WriteEndOfText();
    }

    void ITextSink.EndDocument()
    {
        documentCount++;
        if (!options.LegacyEndOfText)
            EndText();
        else if (ChunkCharacters >= options.CombineCharacters)
            EndChunk();
        else
        {
            encoder.Append(Word);
            charactersBefore -= Word.Length;
        }
    }

    // The separator waits for the next document that has something, and belongs to the chunk that it ends.
    private void BeginContent()
    {
        if (documentHasContent)
            return;
        documentHasContent = true;
        if (options.LegacyEndOfText)
            return;
        if (output.Count > 0 && !isSeparated)
            WriteEndOfText();
        isSeparated = false;
        if (ChunkCharacters >= options.CombineCharacters)
            EndChunk();
    }

    // What ends with the token of its own accord needs no separator behind it.
    private void EndText()
    {
        if (!documentIsEnded)
        {
            encoder.Flush();
            return;
        }

        BeginContent();
        WriteEndOfText();
        isSeparated = true;
    }

    private void WriteEndOfText()
    {
        encoder.Flush();
        output.EndStretch();
    }

    private void EndChunk()
    {
        encoder.Flush();
        if (output.Count > chunkStart)
            chunkLengths.Add(output.Count - chunkStart);
        chunkStart = output.Count;
        charactersBefore = cleaner.CharacterCount;
    }
}

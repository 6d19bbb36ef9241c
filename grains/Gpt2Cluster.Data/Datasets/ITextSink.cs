namespace Gpt2Cluster.Data.Datasets;

/// <summary>Takes one document's text in pieces: the links of the chain from raw bytes to tokens.</summary>
internal interface ITextSink
{
    /// <summary>More text; the span is valid during the call only.</summary>
    void Text(ReadOnlySpan<byte> utf8);

    /// <summary>The document ends.</summary>
    void EndDocument();
}

/// <summary>Takes text that is cut where it ends.</summary>
internal interface IMarkedTextSink : ITextSink
{
    /// <summary>The end-of-text token stands here.</summary>
    void EndOfText();
}

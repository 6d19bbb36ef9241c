namespace Gpt2Cluster.Data.Sources;

/// <summary>Takes one file's text in pieces and passes its documents on.</summary>
internal interface ITextReader
{
    /// <summary>
    /// Takes the next piece: whole characters of UTF-8 whose lines end in LF, valid during the call only.
    /// </summary>
    /// <exception cref="Core.UserErrorException">The text is not what the format asks for.</exception>
    void Append(ReadOnlySpan<byte> piece);

    /// <summary>The file ends.</summary>
    /// <exception cref="Core.UserErrorException">It ends too early.</exception>
    void Finish();
}

using Gpt2Cluster.Data.Sources;

namespace Gpt2Cluster.Fuzz.Targets;

/// <summary>Takes documents, keeps nothing, and holds whoever gives them to the order they must come in.</summary>
internal sealed class CheckingSink : IDocumentSink
{
    private const ushort LastToken = 50256;

    private bool isOpen;
    private bool isEnded;
    private bool hasTokens;

    /// <inheritdoc/>
    public void BeginDocument(string name)
    {
        Hold(!isOpen, "a document begins within another");
        (isOpen, isEnded, hasTokens) = (true, false, false);
    }

    /// <inheritdoc/>
    public void Text(ReadOnlySpan<byte> utf8) => Hold(isOpen && !isEnded && !hasTokens, "text where none may be");

    /// <inheritdoc/>
    public void EndOfText()
    {
        Hold(isOpen && !isEnded && !hasTokens, "a text ends where none is");
        isEnded = true;
    }

    /// <inheritdoc/>
    public void Tokens(ReadOnlySpan<ushort> tokens)
    {
        Hold(isOpen && !isEnded, "tokens where none may be");
        Hold(!tokens.ContainsAnyExceptInRange((ushort)0, LastToken), "a number that is no token");
        hasTokens = true;
    }

    /// <inheritdoc/>
    public void EndArray() => Hold(isOpen, "an array ends outside of a document");

    /// <inheritdoc/>
    public void EndDocument()
    {
        Hold(isOpen, "a document ends that has not begun");
        isOpen = false;
    }

    private static void Hold(bool isInOrder, string fault)
    {
        if (!isInOrder)
            throw new InvalidOperationException($"The reader is out of order: {fault}.");
    }
}

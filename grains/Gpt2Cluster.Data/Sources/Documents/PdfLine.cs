namespace Gpt2Cluster.Data.Sources.Documents;

/// <summary>One line of a page.</summary>
/// <param name="Text">Its text; ligatures as their letters.</param>
/// <param name="Height">Its base line, in points from the page's lower edge.</param>
/// <param name="BeginsBlock">Whether a block of text begins with it.</param>
internal sealed record PdfLine(string Text, double Height, bool BeginsBlock)
{
    /// <summary>Whether it stands at the page's upper or lower edge, set off from the text.</summary>
    public bool IsAtEdge { get; init; }
}

using UglyToad.PdfPig;
using UglyToad.PdfPig.Content;
using UglyToad.PdfPig.Core;
using UglyToad.PdfPig.DocumentLayoutAnalysis;
using UglyToad.PdfPig.DocumentLayoutAnalysis.PageSegmenter;
using UglyToad.PdfPig.DocumentLayoutAnalysis.ReadingOrderDetector;
using UglyToad.PdfPig.DocumentLayoutAnalysis.WordExtractor;
using UglyToad.PdfPig.Exceptions;

namespace Gpt2Cluster.Data.Sources.Documents;

/// <summary>
/// Reads a <c>.pdf</c> (ISO 32000) with PdfPig: the blocks of text of each page (Docstrum, O'Gorman 1993), columns one
/// behind the other, their lines as they stand, a blank line between blocks; <see cref="PdfFlow"/> makes one
/// text of it.
/// </summary>
internal static class PdfReader
{
    // Pages are at most 14,400 units wide and high (ISO 32000-2, annex C). What lies far outside nobody sees, and the
    // segmenter takes memory by the distance between the outermost letters.
    private const double FarthestPoint = 20_000;

    /// <summary>Reads a file.</summary>
    public static void Read(SourceFile file, SourceOptions options, IDocumentSink sink)
    {
        using var pdf = Open(file);
        var document = new TextDocument(file, sink);
        var flow = new PdfFlow(document);
        var pictures = 0;
        for (var number = 1; number <= pdf.NumberOfPages; number++)
        {
            var page = pdf.GetPage(number);
            var text = PdfPageText.Of(number, Blocks([.. page.Letters.Where(IsOnPaper)]));
            flow.Add(text);
            if (text.Lines.Count == 0 && page.NumberOfImages > 0)
                pictures++;
        }

        flow.End();
        if (!document.HasText)
            throw new NoTextException(file.Name, $"has no text on its {Pages(pdf.NumberOfPages)}",
                "if they are pictures of text, have it recognised first");
        document.End();
        Warn(file, pdf.NumberOfPages, pictures, flow, options.Warn);
    }

    private static void Warn(SourceFile file, int pages, int pictures, PdfFlow flow, Action<string> warn)
    {
        if (flow.RunningLines > 0)
            warn($"{file.Name}: {flow.RunningLines} lines that come back at the edges of its pages, as heads and page "
                + $"numbers do, are left out, such as \"{flow.RunningLine}\".");
        if (flow.IsGarbled)
            warn($"{file.Name} seems garbled: its fonts do not tell which letters they draw; export it anew, or have "
                + "its text recognised.");
        if (pictures > 0)
            warn($"{file.Name} has pictures and no text on {pictures} of its {Pages(pages)}; if they are pictures of "
                + "text, have it recognised first.");
    }

    private static string Pages(int count) => count == 1 ? "1 page" : $"{count} pages";

    private static PdfDocument Open(SourceFile file)
    {
        try
        {
            return PdfDocument.Open(file.Path);
        }
        catch (PdfDocumentEncryptedException error)
        {
            throw new NoTextException(file.Name, "is encrypted", "save it without a password first", error);
        }
    }

    private static bool IsOnPaper(Letter letter) =>
        IsNear(letter.BoundingBox.BottomLeft) && IsNear(letter.BoundingBox.TopRight)
        && IsNear(letter.StartBaseLine) && IsNear(letter.EndBaseLine);

    // Also false for what is no number.
    private static bool IsNear(PdfPoint point) =>
        Math.Abs(point.X) < FarthestPoint && Math.Abs(point.Y) < FarthestPoint;

    private static IEnumerable<TextBlock> Blocks(IReadOnlyList<Letter> letters)
    {
        var words = NearestNeighbourWordExtractor.Instance.GetWords(letters).ToList();
        if (words.Count == 0)
            return [];
        var blocks = DocstrumBoundingBoxes.Instance.GetBlocks(words);
        return UnsupervisedReadingOrderDetector.Instance.Get(blocks).OrderBy(block => block.ReadingOrder);
    }
}

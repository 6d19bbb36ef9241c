using Gpt2Cluster.Core;
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
/// behind the other, their lines as they stand, a blank line between blocks.
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
        for (var number = 1; number <= pdf.NumberOfPages; number++)
        {
            foreach (var block in Blocks([.. pdf.GetPage(number).Letters.Where(IsOnPaper)]))
            {
                foreach (var line in block.TextLines)
                {
                    document.Add(line.Text);
                    document.EndLine();
                }

                document.EndLine(blankLines: 1);
            }
        }

        if (!document.HasText)
            throw new UserErrorException($"{file.Name} has no text on its {pdf.NumberOfPages} pages; if they are "
                + "pictures of text, have it recognised first.");
        document.End();
    }

    private static PdfDocument Open(SourceFile file)
    {
        try
        {
            return PdfDocument.Open(file.Path);
        }
        catch (PdfDocumentEncryptedException error)
        {
            throw new UserErrorException($"{file.Name} is encrypted; save it without a password first.", error);
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

using System.Text;
using System.Text.RegularExpressions;
using AngleSharp.Html.Parser;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Sources.Documents;

/// <summary>
/// Reads a <c>.html</c> file with AngleSharp: the text that a browser shows. Its encoding is what its mark, the user or
/// its <c>meta</c> says, else UTF-8; bytes that are none of it are refused.
/// </summary>
internal static partial class HtmlReader
{
    // The standard has browsers look no further (HTML, 13.2.3.2).
    private const int CharsetWithinBytes = 1024;

    /// <summary>Reads a file.</summary>
    public static void Read(SourceFile file, SourceOptions options, IDocumentSink sink)
    {
        using var text = new TextFileReader(file, options.Encoding ?? Declared(file));
        var html = new MemoryStream();
        while (text.Next() is { Length: > 0 } piece)
            html.Write(piece.Span);
        var markup = Encoding.UTF8.GetString(html.GetBuffer(), 0, (int)html.Length);
        var page = new HtmlParser().ParseDocument(Xhtml.Is(markup) ? Xhtml.AsHtml(markup) : markup);
        var document = new TextDocument(file, sink);
        MarkupText.Add(page, document);
        document.End();
    }

    private static Encoding? Declared(SourceFile file)
    {
        using var stream = file.OpenRead();
        var start = new byte[CharsetWithinBytes];
        var count = stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        var match = Charset().Match(Encoding.Latin1.GetString(start, 0, count));
        try
        {
            // What could be read so far is no UTF-16, whatever it says.
            return match.Success && TextEncodings.Named(match.Groups[1].Value) is not UnicodeEncoding and var declared
                ? declared : null;
        }
        catch (UserErrorException)
        {
            return null;
        }
    }

    [GeneratedRegex("""<meta[^>]{0,200}?charset\s{0,9}=\s{0,9}["']?([A-Za-z0-9_:.-]{1,40})""", RegexOptions.IgnoreCase)]
    private static partial Regex Charset();
}

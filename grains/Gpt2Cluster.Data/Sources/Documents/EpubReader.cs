using System.IO.Compression;
using System.Text;
using System.Xml;
using System.Xml.Linq;
using AngleSharp.Html.Parser;

namespace Gpt2Cluster.Data.Sources.Documents;

/// <summary>
/// Reads an <c>.epub</c> (EPUB 3.3): the chapters in the order of its spine, each as <see cref="MarkupText"/>.
/// </summary>
internal static class EpubReader
{
    private const string ContainerPath = "META-INF/container.xml";
    private const string EncryptionPath = "META-INF/encryption.xml";
    private const long LongestMemberBytes = 64 << 20;

    /// <summary>Reads a file.</summary>
    public static void Read(SourceFile file, SourceOptions options, IDocumentSink sink)
    {
        using var stream = file.OpenRead();
        using var archive = new ZipArchive(stream, ZipArchiveMode.Read);
        var packagePath = Descendants(Xml(archive, ContainerPath), "rootfile")
            .Select(root => root.Attribute("full-path")?.Value)
            .FirstOrDefault(path => path is not null)
            ?? throw new InvalidDataException($"{ContainerPath} names no book");
        var package = Xml(archive, packagePath);
        var items = Descendants(package, "item")
            .Where(item => item.Attribute("id") is not null && item.Attribute("href") is not null)
            .GroupBy(item => item.Attribute("id")!.Value)
            .ToDictionary(group => group.Key, group => Resolve(packagePath, group.First().Attribute("href")!.Value));
        var chapters = Descendants(package, "itemref")
            .Select(reference => items.GetValueOrDefault(reference.Attribute("idref")?.Value ?? ""))
            .OfType<string>()
            .ToList();
        RefuseEncrypted(file, archive, chapters);
        var document = new TextDocument(file, sink);
        foreach (var chapter in chapters)
        {
            var page = new HtmlParser().ParseDocument(Xhtml.AsHtml(Text(archive, chapter)));
            MarkupText.Add(page, document);
            document.EndLine(blankLines: 1);
        }

        if (!document.HasText)
            throw new NoTextException(file.Name, $"has no text in its {chapters.Count} chapters",
                "if they are pictures of text, have it recognised first");
        document.End();
    }

    private static void RefuseEncrypted(SourceFile file, ZipArchive archive, List<string> chapters)
    {
        if (archive.GetEntry(EncryptionPath) is null)
            return;
        var hidden = Descendants(Xml(archive, EncryptionPath), "CipherReference")
            .Select(reference => Uri.UnescapeDataString(reference.Attribute("URI")?.Value ?? ""));
        if (hidden.Any(chapters.Contains))
            throw new NoTextException(file.Name, "is encrypted by its publisher and cannot be read",
                "give one without copy protection");
    }

    private static IEnumerable<XElement> Descendants(XDocument document, string name) =>
        document.Descendants().Where(element => element.Name.LocalName == name);

    private static XDocument Xml(ZipArchive archive, string path)
    {
        var settings = new XmlReaderSettings { DtdProcessing = DtdProcessing.Ignore, XmlResolver = null };
        using var reader = XmlReader.Create(new StringReader(Text(archive, path)), settings);
        return XDocument.Load(reader);
    }

    private static string Text(ZipArchive archive, string path)
    {
        var entry = archive.GetEntry(path) ?? throw new InvalidDataException($"{path} is missing in it");
        if (entry.Length > LongestMemberBytes)
            throw new InvalidDataException($"{path} has more than {LongestMemberBytes >> 20} MiB");
        using var reader = new StreamReader(entry.Open(), Encoding.UTF8, detectEncodingFromByteOrderMarks: true);
        return reader.ReadToEnd();
    }

    private static string Resolve(string packagePath, string reference)
    {
        var place = new Uri(new Uri("zip:///"), packagePath);
        return Uri.UnescapeDataString(new Uri(place, reference).AbsolutePath).TrimStart('/');
    }
}

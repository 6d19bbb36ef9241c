using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Sources;

/// <summary>
/// Names files that are read as plain text although their endings, or their first lines, promise a structure.
/// </summary>
internal static class StructureWarnings
{
    private const int LookedAtBytes = 4096;

    /// <summary>Endings of structures that nobody reads here.</summary>
    private static readonly HashSet<string> Endings = new(StringComparer.OrdinalIgnoreCase)
    {
        ".xml", ".yaml", ".yml", ".toml", ".ipynb", ".svg", ".rss", ".atom", ".opml", ".plist", ".kml", ".gpx", ".tei",
        ".fb2", ".geojson", ".json5", ".jsonc", ".json-seq", ".har", ".mbox", ".eml", ".srt", ".vtt", ".ics", ".vcf",
        ".psv", ".arff",
    };

    /// <summary>Gives one warning for each ending that is among the files, and for a stream that looks like
    /// records.</summary>
    public static void Give(IEnumerable<SourceFile> files, Action<string> warn)
    {
        var texts = files.Where(file => file.Format == DocumentFormats.Text).ToList();
        var promises = texts.GroupBy(file => Path.GetExtension(file.Name)).Where(group => Endings.Contains(group.Key));
        foreach (var group in promises)
        {
            var others = group.Count() - 1;
            warn($"{group.First().Name}{(others > 0 ? $" and {others} more {group.Key}" : "")} "
                + $"{(others > 0 ? "are" : "is")} read as plain text, with all that marks its structure.");
        }

        foreach (var file in texts.Where(file => file.IsNamed && Path.GetExtension(file.Name).Length == 0))
        {
            if (IsRecord(file))
                warn($"{file.Name} looks like JSON but is read as plain text; records are read from a name that ends "
                    + "in .jsonl.");
        }
    }

    private static bool IsRecord(SourceFile file)
    {
        try
        {
            using var stream = file.OpenRead();
            var start = new byte[LookedAtBytes];
            var count = stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
            var text = start.AsSpan(0, count).Trim(" \r\n\t"u8);
            if (text is not [(byte)'{', ..])
                return false;
            text = text[1..].TrimStart(" \r\n\t"u8);
            var end = text is [(byte)'"', ..] ? text[1..].IndexOf((byte)'"') : -1;
            return end > 0 && text[(end + 2)..].TrimStart(" \t"u8) is [(byte)':', ..];
        }
        catch (Exception error) when (error is UserErrorException or IOException)
        {
            // Whoever reads it says why it cannot be read.
            return false;
        }
    }
}

namespace Gpt2Cluster.Data.Sources;

/// <summary>
/// Kinds of files that are no text, told by how they begin. The numbers are those of the formats' own descriptions;
/// beginnings that a text may have by chance (<c>BM</c>, <c>MZ</c>, <c>ID3</c>) are left to the zero bytes that such
/// files hold.
/// </summary>
internal static class FileMagic
{
    private const string Packed = "unpack it first";
    private const string Word = "save it as .docx or as text";
    private const string Table = "save it as .csv";
    private const string Other = "give a text, or save it as one";

    /// <summary>Documents that lie in an archive, or in the container of old Office.</summary>
    private static readonly Dictionary<string, (string Name, string Remedy)> Packages =
        new(StringComparer.OrdinalIgnoreCase)
        {
            [".odt"] = ("a document of LibreOffice", Word),
            [".ott"] = ("a document of LibreOffice", Word),
            [".pages"] = ("a document of Pages", "export it as .docx or as text"),
            [".dotx"] = ("a template of Word", Word),
            [".ods"] = ("a table of LibreOffice", Table),
            [".xls"] = ("a table of Excel", Table),
            [".xlsx"] = ("a table of Excel", Table),
            [".xlsm"] = ("a table of Excel", Table),
            [".numbers"] = ("a table of Numbers", "export it as .csv"),
            [".pptx"] = ("a presentation", Other),
            [".ppt"] = ("a presentation", Other),
            [".odp"] = ("a presentation", Other),
        };

    private static readonly (byte[] Start, string Name, string Remedy)[] Kinds =
    [
        ([.. "PK\x03\x04"u8], "a zip archive", Packed),
        ([.. "PK\x05\x06"u8], "a zip archive", Packed),
        ([0x1F, 0x8B, 8], "compressed with gzip", "give it as <(gzip -dc FILE), or unpack it first"),
        ([.. "BZh"u8, .. "1AY&SY"u8], "compressed with bzip2", Packed),
        ([0xFD, .. "7zXZ\0"u8], "compressed with xz", "give it as <(xz -dc FILE), or unpack it first"),
        ([0x28, 0xB5, 0x2F, 0xFD], "compressed with Zstandard", "give it as <(zstd -dc FILE), or unpack it first"),
        ([0x04, 0x22, 0x4D, 0x18], "compressed with LZ4", Packed),
        ([.. "7z"u8, 0xBC, 0xAF, 0x27, 0x1C], "a 7z archive", Packed),
        ([.. "Rar!"u8, 0x1A, 7], "a RAR archive", Packed),
        ([.. "%PDF-"u8], "a PDF", "let its name end in .pdf"),
        ([.. "%!PS-Adobe"u8], "PostScript", Other),
        ([.. "{\\rtf"u8], "a document in RTF", Word),
        ([0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1], "a document of an old Office", Word),
        ([0x89, .. "PNG\r\n"u8], "a PNG picture", Other),
        ([0xFF, 0xD8, 0xFF], "a JPEG picture", Other),
        ([.. "GIF87a"u8], "a GIF picture", Other),
        ([.. "GIF89a"u8], "a GIF picture", Other),
        ([.. "PAR1"u8], "a Parquet table", "let its name end in .parquet"),
        ([.. "ARROW1"u8], "an Arrow table", "save it as Parquet, .jsonl or .csv"),
        ([.. "SQLite format 3\0"u8], "an SQLite database", "save the texts as .jsonl or .csv"),
        ([0x89, .. "HDF\r\n"u8], "an HDF5 file", Other),
        ([0x93, .. "NUMPY"u8], "a NumPy array", "give an .npz of tokens"),
        ([.. "version https://git-lfs.github.com/spec/"u8], "a pointer of Git LFS", "fetch the file: git lfs pull"),
        ([.. "GGUF"u8], "a model in GGUF", Other),
        ([0x7F, .. "ELF"u8], "a program", Other),
        ([.. "wOFF"u8], "a font", Other),
        ([.. "wOF2"u8], "a font", Other),
    ];

    /// <summary>What begins so; null if it may be text.</summary>
    /// <param name="start">The first bytes.</param>
    /// <param name="path">The file's name; its ending tells what an archive is for.</param>
    /// <returns>What it is, as in "it is NAME", and what to do.</returns>
    public static (string Name, string Remedy)? Of(ReadOnlySpan<byte> start, string path)
    {
        foreach (var (begin, name, remedy) in Kinds)
        {
            if (start.StartsWith(begin))
                return Packages.TryGetValue(Path.GetExtension(path), out var package) ? package : (name, remedy);
        }

        return null;
    }
}

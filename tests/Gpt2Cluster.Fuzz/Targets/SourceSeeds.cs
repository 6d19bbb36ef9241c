using System.Text;
using Gpt2Cluster.Data.Sources.Npz;
using Gpt2Cluster.Data.Tests.Sources.Documents;
using Gpt2Cluster.Data.Uploads;
using Gpt2Cluster.Fuzz.Mutations;

namespace Gpt2Cluster.Fuzz.Targets;

/// <summary>Sound files of the kinds that documents are read out of.</summary>
internal static class SourceSeeds
{
    private const string Page = """
        <!DOCTYPE html><html><head><meta charset="utf-8"><title>t</title><style>p{}</style></head><body>
        <h1>One &amp; two</h1><p>A <b>bold</b> <a href="x">word</a>.</p><ul><li>a<li>b</ul><pre>
        x
          y</pre><table><tr><th>k<td>v</table><ruby>k<rt>r</ruby><br><script>no</script></body></html>
        """;

    private const string Chapter =
        "<html xmlns=\"http://www.w3.org/1999/xhtml\"><head><title>c</title></head><body><h2>I</h2><p>Call me.</p>"
        + "</body></html>";

    private const string WordBody = """
        <w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t>One</w:t></w:r></w:p>
        <w:p><w:r><w:t xml:space="preserve">two </w:t><w:tab/><w:t>three</w:t><w:br/></w:r></w:p>
        <w:tbl><w:tr><w:tc><w:p><w:r><w:t>cell</w:t></w:r></w:p></w:tc></w:tr></w:tbl>
        <w:p><w:del><w:r><w:delText>gone</w:delText></w:r></w:del>
        <w:hyperlink><w:r><w:t>l</w:t></w:r></w:hyperlink></w:p>
        """;

    /// <summary>Plain texts, in the encodings that a mark names.</summary>
    public static IReadOnlyList<Seed> Texts() =>
    [
        Text("The sea, the sea.\r\nWhat else? \u00e9\u4e16\U0001F600\n"),
        new([0xEF, 0xBB, 0xBF, .. Encoding.UTF8.GetBytes("Behind a mark.\n")]),
        new([0xFF, 0xFE, .. Encoding.Unicode.GetBytes("Sixteen \u4e16\U0001F600\n")]),
        new([0xFE, 0xFF, .. Encoding.BigEndianUnicode.GetBytes("Sixteen \u4e16\U0001F600\n")]),
    ];

    /// <summary>Texts that a named encoding reads.</summary>
    public static IReadOnlyList<Seed> EncodedTexts() =>
    [
        new(Encoding.Latin1.GetBytes("Latin \u00e9\u00fc\u00df\n")),
        new(Encoding.Unicode.GetBytes("Sixteen \u4e16\U0001F600\n")),
        new(Encoding.UTF32.GetBytes("Thirty-two \U0001F600\n")),
        new([0x83, 0x65, 0x83, 0x58, 0x83, 0x67, 0x0A, 0x81, 0x30, 0x81, 0x30, 0x0A, 0xFD, 0xA1]),
    ];

    /// <summary>Records, one a line.</summary>
    public static IReadOnlyList<Seed> JsonLines() =>
    [
        Text("{\"text\":\"one\"}\n{\"text\":\"tw\\u00e9 \\ud83d\\ude00\",\"n\":[1,2,{\"a\":null}]}\n\n\"three\"\n"),
        Text("{\"messages\":[{\"role\":\"system\",\"content\":\"be\"},{\"role\":\"user\","
            + "\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]},{\"role\":\"assistant\",\"content\":\"ho\"}]}\n"),
        Text("{\"prompt\":\"a\",\"completion\":\" b\"}\r\n{\"text\":\"x\",\"end_of_text\":true}"),
    ];

    /// <summary>Records in an array, or one behind the other.</summary>
    public static IReadOnlyList<Seed> Json() =>
    [
        Text("[{\"text\":\"one\"},\n {\"text\":\"t\\\"wo\",\"n\":[1,[2,{\"a\":\"]\"}]]}, \"three\"]\n"),
        Text("{\"text\":\"one\"}{\"text\":\"two\"}\n"),
        Text("{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"x\":{}}"),
    ];

    /// <summary>Tables of text.</summary>
    public static IReadOnlyList<Seed> Tables() =>
    [
        Text("id,text\n1,plain\n2,\"quoted, \"\"twice\"\"\nover lines\"\n\n3,last"),
        Text("sep=;\r\n\"text\";number\r\n\"a;b\";1\r\nc;2\r\n"),
        Text("\uFEFFa\ttext\tb\n1\tone\t2\n"),
    ];

    /// <summary>Token arrays, as NumPy keeps them and as we write them.</summary>
    public static IReadOnlyList<Seed> Npz()
    {
        using var file = new MemoryStream();
        using (var writer = new NpzWriter(file))
        {
            writer.BeginArray(3);
            writer.Write([1, 2, 50256]);
            writer.BeginArray(1);
            writer.Write([7]);
            writer.Complete();
        }

        return [new ArchiveSeed(file.ToArray()), new(file.ToArray()), new(Golden("npz/separated.npz"))];
    }

    /// <summary>Documents of Word.</summary>
    public static IReadOnlyList<Seed> Word() => [new ArchiveSeed(DocumentFiles.Word(WordBody))];

    /// <summary>Books.</summary>
    public static IReadOnlyList<Seed> Epub() => [new ArchiveSeed(DocumentFiles.Epub(Chapter, "<p>Two &#8212; three"))];

    /// <summary>Pages.</summary>
    public static IReadOnlyList<Seed> Html() => [Text(Page), Text("<p>one<p>two &nbsp; three")];

    /// <summary>Pages of print.</summary>
    public static IReadOnlyList<Seed> Pdf() =>
        [new(DocumentFiles.Pdf((72, 700, "One line"), (72, 688, "and more"), (320, 700, "A column")))];

    /// <summary>Tables of Parquet.</summary>
    public static IReadOnlyList<Seed> Parquet() =>
        [new(DocumentFiles.Parquet("text", "one", null, "three", "four").GetAwaiter().GetResult())];

    /// <summary>Configurations.</summary>
    public static IReadOnlyList<Seed> Yaml() =>
    [
        Text("steps: 30\nlora-targets: [c_attn, c_fc]\nrecompute: true\nsample-prompt: \"a\\tb\"\n"),
        Text("---\n# a remark\nlearning_rate: 1e-3\nsample-prompt: |\n  two\n  lines\nseed: 'x'\n...\n"),
        Text("{steps: 3, 'batch-size': 4}\n"),
    ];

    /// <summary>What a client sends of a dataset.</summary>
    public static IReadOnlyList<Seed> DatasetArchive()
    {
        using var file = new MemoryStream();
        var writer = new DatasetUploadWriter(file);
        Add("short one");
        Add(new string('x', 20_000));
        writer.BeginDocument("tokens");
        writer.Tokens([1, 2, 50256]);
        writer.EndArray();
        writer.Tokens([3]);
        writer.EndArray();
        writer.EndDocument();
        writer.Complete();
        return [new(file.ToArray(), 4096), new(file.ToArray())];

        void Add(string text)
        {
            writer.BeginDocument("text");
            writer.Text(Encoding.UTF8.GetBytes(text));
            writer.EndOfText();
            writer.EndDocument();
        }
    }

    /// <summary>A sound file of the Data tests.</summary>
    internal static byte[] Golden(string name) =>
        File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Goldens", name));

    /// <summary>A text as a seed.</summary>
    internal static Seed Text(string text) => new(Encoding.UTF8.GetBytes(text));
}

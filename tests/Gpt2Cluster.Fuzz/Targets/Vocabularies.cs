namespace Gpt2Cluster.Fuzz.Targets;

/// <summary>The words of the formats that are texts.</summary>
internal static class Vocabularies
{
    /// <summary>JSON's (RFC 8259), and what is none of it but looks so.</summary>
    public static IReadOnlyList<string> Json { get; } =
    [
        "{", "}", "[", "]", "\"", ":", ",", "null", "true", "false", "{}", "[]", "\"\"", "\\u0000", "\\ud800",
        "\\udc00", "\\\"", "\\", "\n", "\uFEFF", "NaN", "//", "/*", "{\"a\":", "-1", "1e999", "0.5",
    ];

    /// <summary>XML's and HTML's.</summary>
    public static IReadOnlyList<string> Markup { get; } =
    [
        "<", ">", "</", "/>", "<a>", "<div>", "<p>", "</p>", "<table>", "<tr><td>", "<b>", "<i>", "<a href=", "&amp;",
        "&#0;", "&#x10FFFF;", "&#xD800;", "&lt;", "&a;", "<!--", "-->", "<![CDATA[", "]]>", "<!DOCTYPE a [<!ENTITY a",
        "<?xml version=\"1.0\" encoding=\"UTF-16\"?>", "<script>", "<style>", "<template>", "<svg>", "<math>",
        "<select>", "<meta charset=\"shift_jis\">", "<form>", "xmlns:w=", "=\"", "'", "\0", "<ruby>", "<pre>", "<li>",
    ];

    /// <summary>Tables' of text (RFC 4180).</summary>
    public static IReadOnlyList<string> Table { get; } =
        ["\"", "\"\"", ",", ";", "\t", "\n", "\r\n", "\r", "sep=;", "sep=", "text", "text,", "\uFEFF", "\0", " "];

    /// <summary>YAML's (1.2.2).</summary>
    public static IReadOnlyList<string> Yaml { get; } =
    [
        "---\n", "...\n", "- ", "? ", ": ", ":\n", "[", "]", "{", "}", ",", "&a ", "*a", "!!str ", "!<", "|\n", ">\n",
        "|+9", "'", "\"", "\"\\x", "\\U0010FFFF", "%YAML 1.2\n", "%TAG ! tag:\n", "#", "\t", "\n", "\r", "  ",
        "<<: *a", "\u0085", "\u2028", "\uFEFF", "\0", "steps", "a: 1\n", "@", "`", "b:\n  ",
    ];

    /// <summary>PDF's (ISO 32000).</summary>
    public static IReadOnlyList<string> Pdf { get; } =
    [
        "<<", ">>", "[", "]", "(", ")", "<", ">", "/", "1 0 obj", "endobj", "stream\n", "endstream", "xref\n",
        "trailer", "startxref\n", "%%EOF", "5 0 R", "2 0 R", "/Kids", "/Parent", "/Count", "/Length", "/Type",
        "/Pages", "/Contents", "/Filter /FlateDecode", "/Filter /LZWDecode", "/Filter /ASCII85Decode",
        "/Filter /RunLengthDecode", "/Filter /ASCIIHexDecode", "/DecodeParms << /Predictor 12 /Columns 99999999 >>",
        "/Prev 9", "/Size", "/Root 1 0 R", "/Encrypt << /Filter /Standard /V 1 /R 2 >>", "/ToUnicode 4 0 R",
        "/MediaBox [0 0 0 0]", "/Rotate 45", "BT", "ET", "Tj", "TJ", "Td", "Tm", "Tf", "Do", "q ", "Q ", "cm",
        "1e30", "-1e30", "NaN", "/XObject << /F1 4 0 R >>", "/Subtype /Form", "/Subtype /Type0", "/Type /ObjStm /N 9",
        "\\", "\\777", "null", "BI ", "ID ", "EI ", "/W [1 2 1]", "/Differences [0 /a /b]",
    ];

    /// <summary>Those of OpenAI's merges and protocol buffers' texts.</summary>
    public static IReadOnlyList<string> Lines { get; } =
        ["\n", "\r\n", " ", "#version: 0.2\n", "\u0120", "a b\n", "\0", "\"", ":", "/", "..", "\\", "\u00e9"];
}

using System.Globalization;
using System.Text;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Sources;

/// <summary>
/// Encodings by name: those of IANA's list that .NET has, and Python's spellings of them (<c>latin_1</c>,
/// <c>cp1252</c>, <c>utf_16_le</c>), which the original tool takes.
/// </summary>
public static class TextEncodings
{
    /// <summary>Code page of UTF-16, little endian.</summary>
    internal const int LittleEndianUtf16 = 1200;

    private static readonly Dictionary<string, string> Spellings = new(StringComparer.Ordinal)
    {
        ["utf8"] = "utf-8",
        ["utf-8-sig"] = "utf-8",
        ["u8"] = "utf-8",
        ["utf16"] = "utf-16",
        ["utf16le"] = "utf-16",
        ["utf-16le"] = "utf-16",
        ["utf-16-le"] = "utf-16",
        ["utf16be"] = "utf-16be",
        ["utf-16-be"] = "utf-16be",
        ["utf32"] = "utf-32",
        ["utf-32-le"] = "utf-32",
        ["utf-32le"] = "utf-32",
        ["utf-32-be"] = "utf-32be",
        ["latin-1"] = "iso-8859-1",
        ["latin"] = "iso-8859-1",
        ["l1"] = "iso-8859-1",
        ["ansi"] = "windows-1252",
        ["sjis"] = "shift_jis",
        ["shift-jis"] = "shift_jis",
        ["gbk"] = "gb2312",
        ["mac-roman"] = "macintosh",
        ["euc-jp"] = "euc-jp",
        ["koi8r"] = "koi8-r",
    };

    /// <summary>The encoding of a name, in any case of letters.</summary>
    /// <exception cref="UserErrorException">Nobody knows the name.</exception>
    public static Encoding Named(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        Encoding.RegisterProvider(CodePagesEncodingProvider.Instance);
        var spelled = name.ToLowerInvariant().Replace('_', '-');
        spelled = Spellings.GetValueOrDefault(spelled, spelled);
        try
        {
            var isCodePage = spelled.StartsWith("cp", StringComparison.Ordinal)
                & int.TryParse(spelled.AsSpan(Math.Min(2, spelled.Length)), CultureInfo.InvariantCulture, out var page);
            return Strict(isCodePage ? Encoding.GetEncoding(page) : Encoding.GetEncoding(spelled));
        }
        catch (Exception error) when (error is ArgumentException or NotSupportedException)
        {
            throw new UserErrorException($"--encoding takes an encoding's name, such as utf-8, utf-16le, iso-8859-1, "
                + $"windows-1252, shift_jis or gb18030, not '{name}'.", error);
        }
    }

    /// <summary>The same encoding, which throws at what it has not.</summary>
    internal static Encoding Strict(Encoding encoding) => Encoding.GetEncoding(
        encoding.CodePage, EncoderFallback.ExceptionFallback, DecoderFallback.ExceptionFallback);
}

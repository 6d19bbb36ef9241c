using System.Diagnostics;
using System.Text;

namespace Gpt2Cluster.Data.Benchmarks;

/// <summary>
/// The text that is measured: English prose and code, the same for the same commit. Tinyshakespeare and every tracked
/// source and prose file of the repository stand in it as they are; then come lines of both in random order, in which
/// one word of <see cref="VariedEvery"/> is replaced by something that hardly comes twice, until the text has its
/// size. So no cache ever knows it all: real texts bring new words for as long as they last.
/// </summary>
internal static class MixedText
{
    /// <summary>One word of so many is new.</summary>
    public const int VariedEvery = 33;

    private const int Seed = 1;
    private static readonly string[] Endings = [".cs", ".csproj", ".css", ".js", ".json", ".md", ".py", ".sh", ".yml"];

    private static readonly string[] Syllables =
        ["an", "ber", "co", "der", "el", "fan", "gra", "hin", "is", "ju", "kel", "lo", "mar", "ne", "or", "pre", "qui",
            "ran", "stu", "tion", "ul", "ver", "wy", "xo", "yet", "zi"];

    private static readonly string[] Foreign =
        ["é", "ü", "ß", "ñ", "λ", "μ", "д", "ж", "и", "ы", "中", "文", "字", "の",
            "カ", "한", "א", "ب", "🙂", "—", "“"];

    /// <summary>Builds the text.</summary>
    /// <param name="root">The repository.</param>
    /// <param name="bytes">Its least size; it ends with the line that reaches it.</param>
    public static byte[] Build(string root, int bytes)
    {
        var sources = new List<string>
        {
            File.ReadAllText(Path.Combine(root, "tests/Gpt2Cluster.Data.Tests/Goldens/tinyshakespeare.txt")),
        };
        sources.AddRange(TrackedFiles(root).Select(File.ReadAllText));
        var text = new StringBuilder();
        foreach (var source in sources)
            text.Append(source).Append('\n');
        var size = Encoding.UTF8.GetByteCount(text.ToString());
        var lines = sources.SelectMany(source => source.Split('\n')).Where(line => line.Length > 0).ToArray();
        var random = new Random(Seed);
        while (size < bytes)
        {
            var start = text.Length;
            AppendVaried(text, lines[random.Next(lines.Length)], random);
            size += Encoding.UTF8.GetByteCount(text.ToString(start, text.Length - start));
        }

        return Encoding.UTF8.GetBytes(text.ToString());
    }

    private static IEnumerable<string> TrackedFiles(string root)
    {
        var start = new ProcessStartInfo("git", ["-C", root, "ls-files"]) { RedirectStandardOutput = true };
        using var git = Process.Start(start)!;
        var names = git.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        git.WaitForExit();
        return names
            .Where(name => Endings.Contains(Path.GetExtension(name)))
            .Where(name => !name.Contains("Goldens", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)
            .Select(name => Path.Combine(root, name));
    }

    private static void AppendVaried(StringBuilder text, string line, Random random)
    {
        var words = line.Split(' ');
        for (var i = 0; i < words.Length; i++)
        {
            if (i > 0)
                text.Append(' ');
            text.Append(words[i].Length > 0 && random.Next(VariedEvery) == 0 ? NewWord(random) : words[i]);
        }

        text.Append('\n');
    }

    private static string NewWord(Random random) => random.Next(8) switch
    {
        0 => random.NextInt64(1L << 40).ToString("x"),
        1 => $"{random.Next(100_000)}.{random.Next(1_000)}",
        2 => $"{Capital(Word(random))}{Capital(Word(random))}({Word(random)})",
        3 => $"{Word(random)}_{Word(random)}",
        4 => string.Concat(Enumerable.Range(0, random.Next(1, 6)).Select(_ => Foreign[random.Next(Foreign.Length)])),
        5 => $"{Word(random)}{Foreign[random.Next(8)]}{Syllables[random.Next(Syllables.Length)]}",
        _ => Word(random),
    };

    private static string Word(Random random) => string.Concat(
        Enumerable.Range(0, random.Next(2, 5)).Select(_ => Syllables[random.Next(Syllables.Length)]));

    private static string Capital(string word) => char.ToUpperInvariant(word[0]) + word[1..];
}

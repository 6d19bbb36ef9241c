using System.Text;
using System.Text.Json;
using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Models.Exports;

/// <summary>
/// The files of a model's vocabulary, as an export takes them along: byte for byte, or as lists of tokens and merges
/// for formats that keep these.
/// </summary>
/// <param name="folder">A folder that may have <c>vocab.json</c> and <c>merges.txt</c>; null, or where it has none,
/// the built-in ones count.</param>
public sealed class VocabularyFiles(string? folder)
{
    /// <summary>The file of tokens and their ids.</summary>
    public const string TokensFileName = "vocab.json";

    /// <summary>The file of merges.</summary>
    public const string MergesFileName = "merges.txt";

    private readonly string? own = folder is not null && Gpt2Vocabulary.IsIn(folder) ? folder : null;

    /// <summary>The folder that has them; null for the built-in ones.</summary>
    public string? Folder => own;

    /// <summary>Whether they are the model's own and not the built-in ones.</summary>
    public bool IsOwn => own is not null;

    /// <summary>Opens one of the two files.</summary>
    public Stream Open(string fileName) =>
        own is null ? Gpt2Vocabulary.OpenBuiltIn(fileName) : File.OpenRead(Path.Combine(own, fileName));

    /// <summary>The tokens by id, in the letters that stand for bytes; ids that no token has are null.</summary>
    /// <param name="count">Rows of the model's token embedding: tokens beyond it are left out.</param>
    /// <exception cref="UserErrorException">The file is no JSON object of ids.</exception>
    public string?[] ReadTokens(int count)
    {
        var tokens = new string?[count];
        using var stream = Open(TokensFileName);
        try
        {
            foreach (var (token, id) in JsonSerializer.Deserialize<Dictionary<string, int>>(stream)!)
            {
                if (id >= 0 && id < count)
                    tokens[id] = token;
            }
        }
        catch (JsonException problem)
        {
            throw new UserErrorException(
                $"{TokensFileName} in {own} is no JSON object of ids ({problem.Message}); put the right one there.",
                problem);
        }

        return tokens;
    }

    /// <summary>The merges in order, two parts with a blank between, of which both and the whole are tokens.</summary>
    /// <param name="tokens">The tokens.</param>
    public IReadOnlyList<string> ReadMerges(IEnumerable<string?> tokens)
    {
        var known = tokens.OfType<string>().ToHashSet(StringComparer.Ordinal);
        var merges = new List<string>();
        using var reader = new StreamReader(Open(MergesFileName), Encoding.UTF8);
        while (reader.ReadLine() is { } line)
        {
            if (line.Split(' ') is [var left, var right]
                && known.Contains(left) && known.Contains(right) && known.Contains(left + right))
                merges.Add(line);
        }

        return merges;
    }

    /// <summary>The id of <c>&lt;|endoftext|&gt;</c> among tokens; null where there is none.</summary>
    public static int? EndOfText(IReadOnlyList<string?> tokens)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        for (var id = tokens.Count - 1; id >= 0; id--)
        {
            if (tokens[id] == Gpt2Vocabulary.EndOfTextWord)
                return id;
        }

        return null;
    }
}

using System.Globalization;
using System.Text.Json;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Models.HuggingFace;

/// <summary>
/// What the small files beside a vocabulary say of its special tokens: <c>added_tokens.json</c>,
/// <c>special_tokens_map.json</c> and <c>tokenizer_config.json</c>, as transformers write them.
/// </summary>
/// <param name="EndOfText">The word of the end-of-text token; null where none is named.</param>
/// <param name="Added">Tokens that <c>vocab.json</c> may lack, and their ids.</param>
internal sealed record SpecialTokens(string? EndOfText, IReadOnlyDictionary<string, int> Added)
{
    /// <summary>The files, in the order in which they count.</summary>
    public static IReadOnlyList<string> FileNames { get; } =
        [ConfigurationFileName, "special_tokens_map.json", AddedFileName];

    private const string ConfigurationFileName = "tokenizer_config.json";
    private const string AddedFileName = "added_tokens.json";
    private const int LongestBytes = 16 << 20;

    /// <summary>Reads those that are in a folder.</summary>
    /// <exception cref="UserErrorException">One is no JSON object.</exception>
    public static SpecialTokens Read(string folder)
    {
        string? endOfText = null;
        var added = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var name in FileNames)
        {
            var path = Path.Combine(folder, name);
            if (!File.Exists(path))
                continue;
            _ = JsonFile.Read(path, LongestBytes, root =>
            {
                endOfText ??= Word(root, "eos_token");
                if (name == AddedFileName)
                    AddWords(root, added);
                else if (root.TryGetProperty("added_tokens_decoder", out var ids)
                    && ids.ValueKind == JsonValueKind.Object)
                    AddIds(ids, added);
                return name;
            });
        }

        return new SpecialTokens(endOfText, added);
    }

    // A word, or an object with the word as its content.
    private static string? Word(JsonElement owner, string field)
    {
        if (!owner.TryGetProperty(field, out var value))
            return null;
        if (value.ValueKind == JsonValueKind.Object && !value.TryGetProperty("content", out value))
            return null;
        return value.ValueKind == JsonValueKind.String ? value.GetString() : null;
    }

    private static void AddWords(JsonElement root, Dictionary<string, int> added)
    {
        foreach (var token in root.EnumerateObject())
        {
            if (token.Value.ValueKind == JsonValueKind.Number && token.Value.TryGetInt32(out var id))
                added.TryAdd(token.Name, id);
        }
    }

    private static void AddIds(JsonElement ids, Dictionary<string, int> added)
    {
        foreach (var token in ids.EnumerateObject())
        {
            if (int.TryParse(token.Name, NumberStyles.None, CultureInfo.InvariantCulture, out var id)
                && token.Value.ValueKind == JsonValueKind.Object && Word(ids, token.Name) is { } word)
                added.TryAdd(word, id);
        }
    }
}

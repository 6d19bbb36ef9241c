using System.Text.Json;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Models.Exports;

/// <summary>
/// The licence that a model card names in the fields at its beginning, as the hub knows them
/// (https://huggingface.co/docs/hub/model-cards): <c>license</c>, one or several, and <c>license_name</c> where that is
/// <c>other</c>. The fields are YAML, of which these two lines and their lists are read, and nothing else.
/// </summary>
internal static class CardLicense
{
    private const string Mark = "---";
    private const int MostLines = 1_000;
    private const int LongestLineCharacters = 10_000;

    /// <summary>What the card of a folder says; null where there is none, or it names no licence.</summary>
    /// <exception cref="UserErrorException">The card cannot be read.</exception>
    public static string? OfFolder(string folder)
    {
        var path = Path.Combine(folder, ModelCard.FileName);
        if (!File.Exists(path))
            return null;
        try
        {
            return Find(Fields(path));
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{path} cannot be read ({problem.Message.TrimEnd('.')}).", problem);
        }
    }

    /// <summary>The licence that a card's fields name; null where they name none.</summary>
    /// <param name="fields">Their lines.</param>
    internal static string? Find(IReadOnlyList<string> fields)
    {
        var named = Value(fields, "license");
        var license = named is null or "other" ? Value(fields, "license_name") ?? named : named;
        return license is null or "unknown" ? null : license;
    }

    /// <summary>The lines between the two marks; none where the file does not begin with one.</summary>
    private static List<string> Fields(string path)
    {
        var fields = new List<string>();
        using var reader = new StreamReader(path);
        if (Line(reader)?.TrimEnd() != Mark)
            return fields;
        while (fields.Count < MostLines && Line(reader) is { } line && line.TrimEnd() != Mark)
            fields.Add(line);
        return fields;
    }

    /// <summary>A line up to a bound: what is longer is no field of interest, and is not kept.</summary>
    private static string? Line(StreamReader reader)
    {
        var line = new System.Text.StringBuilder();
        var next = reader.Read();
        if (next < 0)
            return null;
        for (; next is >= 0 and not '\n'; next = reader.Read())
        {
            if (line.Length < LongestLineCharacters)
                line.Append((char)next);
        }

        return line.ToString();
    }

    private static string? Value(IReadOnlyList<string> fields, string name)
    {
        for (var index = 0; index < fields.Count; index++)
        {
            if (!fields[index].StartsWith(name + ":", StringComparison.Ordinal))
                continue;
            var rest = fields[index][(name.Length + 1)..].Trim();
            var values = rest.StartsWith('[') && rest.EndsWith(']')
                ? rest[1..^1].Split(',')
                : rest.Length > 0 && !rest.StartsWith('#')
                    ? [rest]
                    : Items(fields.Skip(index + 1));
            var all = string.Join(", ", values.Select(Scalar).Where(value => value.Length > 0));
            return all.Length == 0 ? null : all;
        }

        return null;
    }

    /// <summary>The items of a list that stands below its name.</summary>
    private static IEnumerable<string> Items(IEnumerable<string> lines) => lines
        .Select(line => line.Trim())
        .TakeWhile(line => line.StartsWith("- ", StringComparison.Ordinal))
        .Select(line => line[2..]);

    private static string Scalar(string text)
    {
        text = text.Trim();
        if (text.Length >= 2 && text[0] == '\'' && text[^1] == '\'')
            return text[1..^1].Replace("''", "'", StringComparison.Ordinal);
        if (text.Length >= 2 && text[0] == '"' && text[^1] == '"')
            return OfJson(text) ?? text[1..^1];
        var comment = text.IndexOf(" #", StringComparison.Ordinal);
        text = comment < 0 ? text : text[..comment].TrimEnd();
        return text is "null" or "~" ? "" : text;
    }

    /// <summary>YAML's texts in double quotes are JSON's, but for escapes that only YAML knows.</summary>
    private static string? OfJson(string text)
    {
        try
        {
            return JsonSerializer.Deserialize<string>(text);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

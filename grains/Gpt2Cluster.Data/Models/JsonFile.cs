using System.Text.Json;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Models;

/// <summary>The JSON files that models bring: read whole, up to a bound, with every fault in one sentence.</summary>
internal static class JsonFile
{
    private const int LongestQuoteCharacters = 100;

    /// <summary>Reads a file that holds one object.</summary>
    /// <param name="path">The file.</param>
    /// <param name="longestBytes">What it may have at most.</param>
    /// <param name="read">Takes what is needed; the object is gone afterwards.</param>
    /// <exception cref="UserErrorException">It is missing, too long, or no JSON object.</exception>
    public static T Read<T>(string path, int longestBytes, Func<JsonElement, T> read)
    {
        try
        {
            using var file = ElementFile.Open(path, "a model folder needs it");
            if (file.Bytes > longestBytes)
                throw new UserErrorException($"{path} has {file.Bytes} bytes, more than {longestBytes} is not read.");
            var bytes = new byte[file.Bytes];
            file.ReadExactly(bytes, 0);
            using var document = JsonDocument.Parse(bytes);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? read(document.RootElement)
                : throw new UserErrorException(
                    $"{path} is not a JSON object; take the one that belongs to the model.");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{path} cannot be read ({error.Message}).", error);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            // Texts in it that are no UTF-8 are an InvalidOperationException, and only when they are asked for.
            throw new UserErrorException($"{path} is not valid JSON ({error.Message.TrimEnd('.')}); take the one that "
                + "belongs to the model.", error);
        }
    }

    /// <summary>A value as it stands in the file, on one line, for messages.</summary>
    public static string Quote(JsonElement value)
    {
        var text = string.Join(
            ' ', value.GetRawText().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        return text.Length <= LongestQuoteCharacters ? text : text[..LongestQuoteCharacters] + "...";
    }
}

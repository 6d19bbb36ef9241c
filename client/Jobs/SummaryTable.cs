using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gpt2Cluster.Client.Output;

namespace Gpt2Cluster.Client.Jobs;

/// <summary>Shows the fields of a result: one object for programs, one line a field for people.</summary>
internal static class SummaryTable
{
    /// <summary>Shows them.</summary>
    public static void Show(ClientOutput output, JsonObject fields)
    {
        output.Json(fields);
        foreach (var (name, value) in Leaves("", fields))
            output.Result($"{name}: {value}");
    }

    private static IEnumerable<(string Name, string Value)> Leaves(string path, JsonNode? node) => node switch
    {
        JsonObject item => item.SelectMany(pair =>
            Leaves(path.Length == 0 ? Words(pair.Key) : $"{path}, {Words(pair.Key)}", pair.Value)),
        JsonArray list when list.Any(entry => entry is JsonObject) =>
            list.SelectMany((entry, index) => Leaves($"{path} {index + 1}", entry)),
        JsonArray list => [(path, string.Join(", ", list.Select(entry => entry?.ToString())))],
        _ => [(path, path.EndsWith("port", StringComparison.Ordinal) ? $"{node}" : Value(node))],
    };

    private static string Words(string name) => name.Replace('_', ' ');

    private static string Value(JsonNode? node) =>
        node is JsonValue value && value.GetValueKind() == JsonValueKind.Number
            ? Number(double.Parse(value.ToJsonString(), CultureInfo.InvariantCulture))
            : node?.ToString() ?? "-";

    private static string Number(double number) => Math.Abs(number) >= 1000
        ? Formats.Count(number)
        : number.ToString("G6", CultureInfo.InvariantCulture);
}

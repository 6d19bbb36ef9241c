namespace Gpt2Cluster.Client.Output;

/// <summary>A table as plain lines, for pipes and files.</summary>
internal static class PlainTable
{
    private const string Gap = "  ";

    /// <summary>The lines: headers, then rows, columns aligned on the left, no trailing blanks.</summary>
    public static IEnumerable<string> Lines(
        IReadOnlyList<string> headers, IReadOnlyList<IReadOnlyList<string>> rows)
    {
        var widths = headers
            .Select((header, column) => Math.Max(header.Length, rows.Max(row => (int?)row[column].Length) ?? 0))
            .ToArray();
        return rows.Prepend(headers).Select(row =>
            string.Join(Gap, row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd());
    }
}

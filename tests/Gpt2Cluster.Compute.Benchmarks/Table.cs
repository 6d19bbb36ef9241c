namespace Gpt2Cluster.Compute.Benchmarks;

/// <summary>Lines of text with columns that stand below each other.</summary>
internal static class Table
{
    /// <summary>The rows of first light under a heading.</summary>
    public static string Of(IReadOnlyList<Row> rows)
    {
        string[][] cells =
        [
            ["what", "here", "PyTorch", ""],
            .. rows.Select(row => new[] { row.What, row.Found, row.Yardstick, Verdict(row) }),
        ];
        var widths = Enumerable.Range(0, cells[0].Length)
            .Select(column => cells.Max(row => row[column].Length)).ToArray();
        return string.Join('\n', cells.Select(row =>
            string.Join("  ", row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd()));
    }

    private static string Verdict(Row row) => row.IsRight switch
    {
        true => "right",
        false => "WRONG",
        null => "-",
    };
}

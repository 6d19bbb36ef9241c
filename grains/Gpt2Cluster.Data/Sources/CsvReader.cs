using System.Text;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Sources;

/// <summary>
/// Reads the documents of a .csv or .tsv file (RFC 4180): the column with the text of each row below the header. Which
/// of comma, semicolon and tab parts the columns, the header tells. Blank lines are skipped.
/// </summary>
internal sealed class CsvReader(string name, IDocumentSink sink, SourceOptions? options = null) : ITextReader
{
    /// <summary>Longest row; one row is in memory at a time.</summary>
    public const int LongestRowBytes = 256 << 20;

    private readonly string column = options?.TextField ?? SourceOptions.DefaultTextField;
    private readonly CsvHeader header = new();
    private readonly CsvRow row = new();
    private int columnCount;
    private int textColumn = -1;
    private long lineNumber = 1;
    private long rowLine = 1;

    /// <summary>Takes the next piece of the file, which may end anywhere.</summary>
    public void Append(ReadOnlySpan<byte> piece)
    {
        if (row.Bytes + header.Bytes + piece.Length > LongestRowBytes)
            throw new UserErrorException($"The row at line {rowLine} of {name} is longer than "
                + $"{LongestRowBytes >> 20} MiB; is a quote missing?");
        if (!header.IsWhole)
        {
            piece = piece[header.Take(piece)..];
            if (!header.IsWhole)
                return;
            BeginRows();
        }

        TakeRows(piece);
    }

    /// <summary>Takes the last row, which needs no newline.</summary>
    public void Finish()
    {
        if (!header.IsWhole)
            BeginRows();
        if (row.IsQuoted)
            throw new UserErrorException(
                $"A quoted field in the row at line {rowLine} of {name} never ends; add its quote.");
        if (!row.IsEmpty)
            EndRow();
        if (textColumn < 0)
            throw NoColumn();
    }

    /// <summary>
    /// The delimiter under which a header has the column; else that which gives it most columns. Nothing parts the rows
    /// under a header of one column: which delimiter its program would write, nobody knows.
    /// </summary>
    private byte? DelimiterOf(ReadOnlySpan<byte> line)
    {
        var names = new List<(byte Delimiter, IReadOnlyList<string> Columns)>();
        foreach (var delimiter in ",;\t"u8)
        {
            // A header that this delimiter makes no row of is one of another.
            var one = new CsvRow { Delimiter = delimiter };
            foreach (var value in line)
            {
                if (!one.Take(value))
                    break;
            }

            one.End();
            names.Add((delimiter, one.Fields()));
        }

        var best = names.MaxBy(option => (option.Columns.Contains(column), option.Columns.Count));
        return best.Columns.Count > 1 ? best.Delimiter : null;
    }

    private void BeginRows()
    {
        var line = header.Lines;
        if (header.Delimiter is not null)
            lineNumber = rowLine = 2;
        row.Delimiter = header.Delimiter ?? DelimiterOf(line.Trim((byte)'\n'));
        TakeRows(line);
        header.Clear();
    }

    private void TakeRows(ReadOnlySpan<byte> piece)
    {
        foreach (var value in piece)
        {
            if (value == '\n' && !row.IsQuoted)
            {
                EndRow();
                lineNumber++;
                rowLine = lineNumber;
                continue;
            }

            if (value == '\n')
                lineNumber++;
            if (!row.Take(value))
                throw new UserErrorException($"Line {lineNumber} of {name} has text behind a closing quote; "
                    + "double the quotes within a field.");
        }
    }

    private void EndRow()
    {
        var isBlank = row.IsBlank;
        row.End();
        if (!isBlank && columnCount == 0)
            ReadHeader();
        else if (!isBlank)
            EmitText();
        row.Clear();
    }

    private void ReadHeader()
    {
        columnCount = row.Count;
        for (var i = 0; i < columnCount; i++)
        {
            if (Encoding.UTF8.GetString(row.Field(i)) == column)
                textColumn = i;
        }

        if (textColumn < 0)
            throw NoColumn();
    }

    private void EmitText()
    {
        if (row.Count != columnCount)
            throw new UserErrorException($"The row at line {rowLine} of {name} has {row.Count} "
                + $"{(row.Count == 1 ? "field" : "fields")}, the header has {columnCount}; quote fields that hold "
                + DelimiterName
                + (row.Count < columnCount ? " or line ends, and add those that are missing." : "."));
        sink.BeginDocument($"{name}:{rowLine}");
        sink.Text(row.Field(textColumn));
        sink.EndDocument();
    }

    private string DelimiterName => row.Delimiter switch
    {
        (byte)',' => "commas",
        (byte)';' => "semicolons",
        (byte)'\t' => "tabs",
        var other => $"'{(char?)other}'",
    };

    private UserErrorException NoColumn()
    {
        var columns = string.Join(", ", row.Fields().Take(8).Select(field => $"\"{field}\""));
        return new UserErrorException($"The first line of {name} names no column \"{column}\""
            + $"{(columns.Length > 0 ? $", only {columns}" : "")}; name the column with the texts with --text-field.");
    }
}

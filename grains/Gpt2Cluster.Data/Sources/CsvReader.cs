using System.Buffers;
using System.Text;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Sources;

/// <summary>
/// Reads the documents of a .csv file (RFC 4180): the column <c>text</c> of each row below the header. Rows may end
/// in CRLF or LF, blank lines are skipped.
/// </summary>
internal sealed class CsvReader(string path, IDocumentSink sink) : ITextReader
{
    /// <summary>Longest row; one row is in memory at a time.</summary>
    public const int LongestRowBytes = 256 << 20;

    private const string Column = "text";

    private readonly ArrayBufferWriter<byte> row = new();
    private readonly List<int> fieldEnds = [];
    private Place place = Place.FieldStart;
    private int columnCount;
    private int textColumn = -1;
    private long lineNumber = 1;
    private long rowLine = 1;

    private enum Place
    {
        FieldStart,
        Plain,
        Quoted,
        QuoteInQuoted,
    }

    /// <summary>Takes the next piece of the file, which may end anywhere.</summary>
    public void Append(ReadOnlySpan<byte> piece)
    {
        if (row.WrittenCount + piece.Length > LongestRowBytes)
            throw new UserErrorException($"The row at line {rowLine} of {path} is longer than "
                + $"{LongestRowBytes >> 20} MiB; is a quote missing?");
        foreach (var value in piece)
        {
            if (place == Place.Quoted)
                InQuotes(value);
            else
                Outside(value);
        }
    }

    /// <summary>Takes the last row, which needs no newline.</summary>
    public void Finish()
    {
        if (place == Place.Quoted)
            throw new UserErrorException(
                $"A quoted field in the row at line {rowLine} of {path} never ends; add its quote.");
        if (row.WrittenCount > 0 || fieldEnds.Count > 0 || place != Place.FieldStart)
            EndRow();
        if (textColumn < 0)
            throw NoColumn();
    }

    private void InQuotes(byte value)
    {
        if (value == '"')
        {
            place = Place.QuoteInQuoted;
            return;
        }

        if (value == '\n')
            lineNumber++;
        Put(value);
    }

    private void Outside(byte value)
    {
        switch (value)
        {
            case (byte)',':
                EndField();
                break;
            case (byte)'\n':
                EndRow();
                lineNumber++;
                rowLine = lineNumber;
                break;
            case (byte)'"' when place == Place.FieldStart:
                place = Place.Quoted;
                break;
            case (byte)'"' when place == Place.QuoteInQuoted:
                Put(value);
                place = Place.Quoted;
                break;
            case (byte)'\r':
                Put(value);
                break;
            default:
                if (place == Place.QuoteInQuoted)
                    throw new UserErrorException($"Line {lineNumber} of {path} has text behind a closing quote; "
                        + "double the quotes within a field.");
                place = Place.Plain;
                Put(value);
                break;
        }
    }

    private void Put(byte value)
    {
        row.GetSpan(1)[0] = value;
        row.Advance(1);
    }

    private void EndField()
    {
        fieldEnds.Add(row.WrittenCount);
        place = Place.FieldStart;
    }

    private void EndRow()
    {
        var text = row.WrittenSpan;
        var quotedEnd = place == Place.QuoteInQuoted;
        var blank = fieldEnds.Count == 0 && !quotedEnd && text.Trim((byte)'\r').IsEmpty;
        EndField();
        if (text is [.., (byte)'\r'])
            fieldEnds[^1]--;
        if (!blank && columnCount == 0)
            ReadHeader();
        else if (!blank)
            EmitText();
        row.ResetWrittenCount();
        fieldEnds.Clear();
    }

    private void ReadHeader()
    {
        columnCount = fieldEnds.Count;
        for (var i = 0; i < columnCount; i++)
        {
            if (Encoding.UTF8.GetString(Field(i)).TrimStart('\uFEFF') == Column)
                textColumn = i;
        }

        if (textColumn < 0)
            throw NoColumn();
    }

    private void EmitText()
    {
        if (fieldEnds.Count != columnCount)
            throw new UserErrorException($"The row at line {rowLine} of {path} has {fieldEnds.Count} fields, "
                + $"the header has {columnCount}; quote fields that hold commas.");
        sink.BeginDocument($"{path}:{rowLine}");
        sink.Text(Field(textColumn));
        sink.EndDocument();
    }

    private ReadOnlySpan<byte> Field(int index) =>
        row.WrittenSpan[(index == 0 ? 0 : fieldEnds[index - 1])..fieldEnds[index]];

    private UserErrorException NoColumn() =>
        new($"The first line of {path} names no column \"{Column}\"; name the column with the texts so.");
}

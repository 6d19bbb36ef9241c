using System.Buffers;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Sources;

/// <summary>
/// Reads the documents of a <c>.json</c> file: an array of records, one record, or records one behind the other. It
/// cuts the file where a record ends, so that one of them is in memory at a time; what stands in a record is
/// <see cref="TextRecords"/>' business.
/// </summary>
internal sealed class JsonReader(string name, IDocumentSink sink, SourceOptions? options = null) : ITextReader
{
    /// <summary>Longest record.</summary>
    public const int LongestRecordBytes = 256 << 20;

    private readonly TextRecords records = new(options ?? new SourceOptions(), sink);
    private readonly ArrayBufferWriter<byte> record = new();
    private Place place = Place.Start;
    private int depth;
    private bool isInString;
    private bool isEscaped;
    private bool isArray;
    private long lineNumber = 1;
    private long recordLine = 1;

    private enum Place
    {
        Start,
        BeforeRecord,
        InRecord,
        BehindRecord,
        End,
    }

    /// <summary>Takes the next piece, which may end anywhere.</summary>
    public void Append(ReadOnlySpan<byte> piece)
    {
        if (record.WrittenCount + piece.Length > LongestRecordBytes)
            throw new UserErrorException($"The record at line {recordLine} of {name} is longer than "
                + $"{LongestRecordBytes >> 20} MiB; is a bracket missing?");
        var begin = place == Place.InRecord ? 0 : -1;
        for (var i = 0; i < piece.Length; i++)
        {
            var value = piece[i];
            if (value == '\n')
                lineNumber++;
            if (place != Place.InRecord)
            {
                if (value is not ((byte)' ' or (byte)'\t' or (byte)'\n' or (byte)'\r') && Outside(value))
                    begin = i;
            }
            else if (EndsRecord(value))
            {
                record.Write(piece[begin..(i + 1)]);
                begin = -1;
                EndRecord();
            }
        }

        if (begin >= 0)
            record.Write(piece[begin..]);
    }

    /// <summary>The file ends.</summary>
    public void Finish()
    {
        if (place == Place.InRecord)
            throw Wrong("is cut short: a bracket or a quote is missing", recordLine);
        if (place is Place.Start or Place.BeforeRecord || (isArray && place != Place.End))
            throw Wrong("has no record, or its array never ends", lineNumber);
    }

    /// <returns>Whether a record begins here.</returns>
    private bool Outside(byte value)
    {
        switch (value)
        {
            case (byte)'[' when place == Place.Start:
                isArray = true;
                place = Place.BeforeRecord;
                return false;
            case (byte)']' when isArray && place is Place.BeforeRecord or Place.BehindRecord:
                place = Place.End;
                return false;
            case (byte)',' when isArray && place == Place.BehindRecord:
                place = Place.BeforeRecord;
                return false;
            case (byte)'{' when place is Place.Start or Place.BeforeRecord || (!isArray && place != Place.End):
                depth = 1;
                break;
            case (byte)'"' when isArray && place == Place.BeforeRecord:
                (depth, isInString) = (0, true);
                break;
            default:
                throw Wrong($"has '{(char)value}' where a record should be: it must hold objects, or an array of "
                    + "objects or of texts", lineNumber);
        }

        recordLine = lineNumber;
        place = Place.InRecord;
        return true;
    }

    private bool EndsRecord(byte value)
    {
        if (isInString)
        {
            var isEnd = value == '"' && !isEscaped;
            isEscaped = value == '\\' && !isEscaped;
            isInString = !isEnd;
            return isEnd && depth == 0;
        }

        if (value == '"')
            isInString = true;
        else if (value is (byte)'{' or (byte)'[')
            depth++;
        else if (value is (byte)'}' or (byte)']')
            return --depth == 0;
        return false;
    }

    private void EndRecord()
    {
        records.Read(record.WrittenSpan, $"{name}:{recordLine}", $"The record at line {recordLine} of {name}");
        record.ResetWrittenCount();
        place = Place.BehindRecord;
    }

    private UserErrorException Wrong(string fault, long line) =>
        new($"{name} {fault} (line {line}).");
}

using System.Buffers;
using System.Text;

namespace Gpt2Cluster.Data.Sources;

/// <summary>One row of a table on its way in, byte by byte.</summary>
internal sealed class CsvRow
{
    private readonly ArrayBufferWriter<byte> content = new();
    private readonly List<int> ends = [];
    private Place place = Place.FieldStart;
    private bool hasQuotes;

    private enum Place
    {
        FieldStart,
        Plain,
        Quoted,
        QuoteInQuoted,
    }

    /// <summary>What parts the fields; null: nothing, a row is one field.</summary>
    public byte? Delimiter { get; set; } = (byte)',';

    /// <summary>Whether a quoted field is open: then a line's end belongs to it.</summary>
    public bool IsQuoted => place == Place.Quoted;

    /// <summary>Whether nothing of the row has come.</summary>
    public bool IsEmpty => content.WrittenCount == 0 && ends.Count == 0 && place == Place.FieldStart;

    /// <summary>Whether the row is a line without anything on it.</summary>
    public bool IsBlank => ends.Count == 0 && !hasQuotes && content.WrittenCount == 0;

    /// <summary>Bytes held.</summary>
    public int Bytes => content.WrittenCount;

    /// <summary>Fields that have ended.</summary>
    public int Count => ends.Count;

    /// <summary>Takes a byte; a line's end only within quotes.</summary>
    /// <returns>False if it stands behind a closing quote, where nothing may stand.</returns>
    public bool Take(byte value)
    {
        if (place == Place.Quoted)
        {
            if (value == '"')
                place = Place.QuoteInQuoted;
            else
                Put(value);
        }
        else if (value == Delimiter)
        {
            EndField();
        }
        else if (value == '"' && place is Place.FieldStart or Place.QuoteInQuoted)
        {
            if (place == Place.QuoteInQuoted)
                Put(value);
            (place, hasQuotes) = (Place.Quoted, true);
        }
        else if (place == Place.QuoteInQuoted)
        {
            return false;
        }
        else
        {
            place = Place.Plain;
            Put(value);
        }

        return true;
    }

    /// <summary>The row's last field ends.</summary>
    public void End() => EndField();

    /// <summary>Makes ready for the next row.</summary>
    public void Clear()
    {
        content.ResetWrittenCount();
        ends.Clear();
        (place, hasQuotes) = (Place.FieldStart, false);
    }

    /// <summary>A field that has ended.</summary>
    public ReadOnlySpan<byte> Field(int index) =>
        content.WrittenSpan[(index == 0 ? 0 : ends[index - 1])..ends[index]];

    /// <summary>All fields that have ended, for people.</summary>
    public List<string> Fields() => [.. Enumerable.Range(0, Count).Select(i => Encoding.UTF8.GetString(Field(i)))];

    private void Put(byte value)
    {
        content.GetSpan(1)[0] = value;
        content.Advance(1);
    }

    private void EndField()
    {
        ends.Add(content.WrittenCount);
        place = Place.FieldStart;
    }
}

using System.Text;
using CsCheck;
using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Sources;

namespace Gpt2Cluster.Data.Tests.Sources;

public sealed class CsvReaderTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("\uFEFFid,text\r\n1,plain\r\n\r\n2,\"quoted, \"\"twice\"\"\r\nand long\"\n3,\"\"\n4,last",
        "plain", "quoted, \"twice\"\nand long", "", "last")]
    [InlineData("\uFEFF\"text\",\"lang\"\r\n\"One, with a comma\",\"en\"\r\n\"Two\",\"en\"\r\n",
        "One, with a comma", "Two")]
    [InlineData("id;text;lang\n1;Das Meer, und die Nacht;de\n2;Zwei;de\n", "Das Meer, und die Nacht", "Zwei")]
    [InlineData("id\ttext\tlang\n1\tDas Meer; und, die Nacht\tde\n2\tZwei\tde\n", "Das Meer; und, die Nacht", "Zwei")]
    [InlineData("\"a,b\";\"text\"\n1;2\n", "2")]
    [InlineData("text\n\"one, two; three\"\n", "one, two; three")]
    [InlineData("text\r\none, two; three\r\n\"four, \"\"five\"\"\"\r\n", "one, two; three", "four, \"five\"")]
    [InlineData("sep=;\r\nid;text\r\n1;Ein, zwei\r\n", "Ein, zwei")]
    [InlineData("\n\nid,text\r1,old\r2,lines\r", "old", "lines")]
    public void Rows_are_documents(string content, params string[] expected)
    {
        foreach (var name in new[] { "a.csv", "a.tsv" })
        {
            folder.Write(name, content);
            Assert.Equal(expected, CollectedDocuments.Of(folder.File(name)));
        }
    }

    [Fact]
    public void A_table_that_excel_saved_as_unicode_text_is_read()
    {
        folder.Write("a.tsv", [.. Encoding.Unicode.Preamble, .. Encoding.Unicode.GetBytes("id\ttext\r\n1\tÜber\r\n")]);
        Assert.Equal(["Über"], CollectedDocuments.Of(folder.File("a.tsv")));
    }

    [Fact]
    public void Another_column_can_be_named()
    {
        folder.Write("a.csv", "text;body, long\n1;2\n");
        var options = new SourceOptions { TextField = "body, long" };
        Assert.Equal(["2"], CollectedDocuments.Of(folder.File("a.csv"), options));
    }

    [Theory]
    [InlineData("a,b\n1,2\n", "no column \"text\", only \"a\", \"b\"")]
    [InlineData("a;b;c,d\n1;2;3\n", "only \"a\", \"b\", \"c,d\"")]
    [InlineData("", "no column \"text\"")]
    [InlineData("text,b\nonly one\n", "row at line 2")]
    [InlineData("text;b\nonly one\n", "has 1 field, the header has 2; quote fields that hold semicolons or line ends")]
    [InlineData("text;b\none;two;three\n", "has 3 fields, the header has 2; quote fields that hold semicolons.")]
    [InlineData("sep=;\ntext;b\nonly one\n", "row at line 3")]
    [InlineData("text\n\"never ends\n\n", "row at line 2")]
    [InlineData("text\n\"a\"b\n", "Line 2")]
    [InlineData("text,b\n\"two\nlines\",1\n\"a\"b\n", "Line 4")]
    public void A_wrong_row_is_named(string content, string expected)
    {
        folder.Write("a.csv", content);
        var message = Assert.Throws<UserErrorException>(() => CollectedDocuments.Of(folder.File("a.csv"))).Message;
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.Contains("a.csv", message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_written_by_the_rules_is_read_back()
    {
        var cell = Choice.Of("", "a", "b c", ",", ";", "\t", "\"", "\n", "é", "text")
            .Array[0, 4].Select(string.Concat);
        Gen.Select(Choice.Of(',', ';', '\t'), Gen.Select(cell, cell).Array[0, 5], Gen.Int[1, 9]).Sample(
            (delimiter, rows, pieceLength) =>
            {
                var table = new StringBuilder($"\"id\"{delimiter}\"text\"\n");
                foreach (var (first, text) in rows)
                    table.Append(Quoted(first)).Append(delimiter).Append(Quoted(text)).Append('\n');
                var expected = string.Join('|', rows.Select(row => row.Item2));
                Assert.Equal(expected, Outcome(Encoding.UTF8.GetBytes(table.ToString()), pieceLength));
            },
            iter: 5_000,
            threads: 1);
    }

    [Fact]
    public void Damaged_tables_in_any_pieces_are_read_alike_or_refused()
    {
        string[] sound = ["id;text\n1;\"a;\"\"b\"\n2;c\n", "sep=,\n\"text\",x\na,b\n", "text\tb\n\"1\n2\"\t3\n"];
        Gen.Select(Choice.Of(sound), Gen.Int[0, 200], Gen.Byte, Gen.Int[1, 9]).Sample(
            (text, place, value, pieceLength) =>
            {
                var bytes = Encoding.UTF8.GetBytes(text);
                bytes[place % bytes.Length] = value;
                Assert.Equal(Outcome(bytes, bytes.Length), Outcome(bytes, pieceLength));
            },
            iter: 20_000,
            threads: 1);
    }

    private static string Quoted(string text) => $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    private static string Outcome(byte[] bytes, int pieceLength)
    {
        var documents = new CollectedDocuments();
        var reader = new CsvReader("file", documents);
        try
        {
            foreach (var piece in bytes.Chunk(pieceLength))
                reader.Append(piece);
            reader.Finish();
        }
        catch (UserErrorException problem)
        {
            Assert.Contains("file", problem.Message, StringComparison.Ordinal);
            return problem.Message;
        }

        return string.Join('|', documents.Texts);
    }
}

using System.Text;
using CsCheck;
using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Sources;

namespace Gpt2Cluster.Data.Tests.Sources;

/// <summary>Records of JSON: one a line, and in a file of JSON.</summary>
public sealed class RecordTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("a.jsonl")]
    [InlineData("a.ndjson")]
    public void Json_lines_are_documents(string name)
    {
        folder.Write(name, "\uFEFF{\"text\": \"one\\ntwo \\ud83d\\ude00\", \"id\": 1}\r\n\n{\"text\": \"three\"}");
        Assert.Equal(["one\ntwo 😀", "three"], CollectedDocuments.Of(folder.File(name)));
    }

    [Theory]
    [InlineData("{\"text\": \"a\"}\n{\"test\": \"b\"}", "Line 2 of ", "no string field")]
    [InlineData("{\"text\": 1}", "Line 1 of ", "no string field")]
    [InlineData("{\"text\": \"a\"} {}", "Line 1 of ", "behind its object")]
    [InlineData("{\"text\": \"a", "Line 1 of ", "not valid JSON")]
    [InlineData("{\"text\": \"\\ud83d\"}", "Line 1 of ", "not valid JSON")]
    [InlineData("[1]", "Line 1 of ", "no string field")]
    [InlineData("{\"messages\": [{\"role\": \"tool\", \"content\": \"a\"}]}", "Line 1 of ", "\"tool\"")]
    [InlineData("{\"messages\": [{\"content\": \"a\"}]}", "Line 1 of ", "without a \"role\"", "as text or as CSV")]
    [InlineData("{\"messages\": []}", "Line 1 of ", "no string field")]
    public void A_wrong_json_line_is_named(string content, params string[] expected)
    {
        var message = Fault("a.jsonl", content);
        Assert.All([.. expected, "a.jsonl"], part => Assert.Contains(part, message, StringComparison.Ordinal));
    }

    [Fact]
    public void OpenAIs_lines_are_rendered_and_end_with_the_token()
    {
        folder.Write("a.jsonl", """
            {"prompt": "Sea ->", "completion": " waves\n"}
            {"prompt": "x", "completion": "y", "messages": 1}
            {"text": "plain", "messages": []}

            """
            + """{"messages": [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Hi\nyou"}, """
            + """{"role": "assistant", "content": "Hello."}]}""" + "\n"
            + """{"messages": [{"role": "user", "content": """
            + """[{"type": "text", "text": "two "}, {"type": "text", "text": "parts"}]}]}""");
        var rendered = new List<string>();
        var documents = CollectedDocuments.Of(folder.File("a.jsonl"), new SourceOptions { Rendered = rendered.Add });
        Assert.Equal(
            [
                "Sea -> waves\n[end]", "xy[end]", "plain",
                "System: Be short.\nUser: Hi\nyou\nAssistant: Hello.[end]", "User: two parts[end]",
            ],
            documents);
        Assert.Equal("Sea -> waves\n", rendered[0]);
        Assert.Equal(4, rendered.Count);
    }

    [Fact]
    public void Another_field_can_be_named()
    {
        folder.Write("a.jsonl", "{\"body\": \"one\", \"text\": \"no\"}");
        Assert.Equal(["one"], CollectedDocuments.Of(folder.File("a.jsonl"), new SourceOptions { TextField = "body" }));
        Assert.Contains("\"title\"", Fault("a.jsonl", "{\"text\": \"no\"}", "title"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[{\"text\": \"one\"}, \"two, [\\\"}\",\n {\"text\": \"th]ree\", \"more\": [[], {}]}\n]",
        "one|two, [\"}|th]ree")]
    [InlineData("{\"text\": \"one\"}", "one")]
    [InlineData("{\"text\": \"one\"}\n{\"text\":\n\"two\"} {\"text\": \"\\\\\"}\n", "one|two|\\")]
    public void A_json_file_is_read_as_its_records(string content, string expected)
    {
        folder.Write("a.json", content);
        Assert.Equal(expected.Split('|'), CollectedDocuments.Of(folder.File("a.json")));
    }

    [Theory]
    [InlineData("[{\"text\": \"a\"}", "never ends")]
    [InlineData("", "no record")]
    [InlineData("[1, 2]", "'1'")]
    [InlineData("[{\"text\": \"a\"}] {}", "'{'")]
    [InlineData("{\"text\": \"a", "cut short")]
    [InlineData("\"text\"", "'\"'")]
    [InlineData("[{\"text\": \"a\"},\n{\"test\": \"b\"}]", "record at line 2")]
    [InlineData("{\"text\" \"a\"}", "not valid JSON")]
    public void A_wrong_json_file_is_named(string content, string expected)
    {
        var message = Fault("a.json", content);
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.Contains("a.json", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Damaged_records_in_any_pieces_are_read_alike_or_refused()
    {
        string[] sound =
        [
            "[{\"text\": \"one\"}, {\"prompt\": \"a\", \"completion\": \"b\"}]",
            "{\"text\": \"a\\n\\u00e9\"}\n{\"messages\": [{\"role\": \"user\", \"content\": \"x\"}]}\n",
        ];
        Gen.Select(Choice.Of(sound), Gen.Int[0, 200], Gen.Byte, Gen.Int[1, 9], Gen.Bool).Sample(
            (text, place, value, pieceLength, isLines) =>
            {
                var bytes = Encoding.UTF8.GetBytes(text);
                bytes[place % bytes.Length] = value;
                Assert.Equal(Outcome(bytes, bytes.Length, isLines), Outcome(bytes, pieceLength, isLines));
            },
            iter: 20_000,
            threads: 1);
    }

    private static string Outcome(byte[] bytes, int pieceLength, bool isLines)
    {
        var documents = new CollectedDocuments();
        ITextReader reader = isLines ? new JsonLinesReader("file", documents) : new JsonReader("file", documents);
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

    private string Fault(string name, string content, string? field = null)
    {
        folder.Write(name, content);
        return Assert.Throws<UserErrorException>(
            () => CollectedDocuments.Of(folder.File(name), new SourceOptions { TextField = field })).Message;
    }
}

using System.Diagnostics;
using System.IO.Pipelines;
using System.Text;
using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Sources;
using Gpt2Cluster.Data.Sources.Documents;

namespace Gpt2Cluster.Data.Tests.Sources.Documents;

/// <summary>
/// Readers that hang, break down or say nonsense, played by a shell; the client's tests have the real one.
/// </summary>
public sealed class DocumentProcessTests : IDisposable
{
    // A document "a" with the text "b", and the end of the file; printf's octal escapes.
    private const string Sound =
        @"printf '\001\001\000\000\000a\002\001\000\000\000b\003\000\000\000\000\004\000\000\000\000'";

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_process_reads_file_after_file()
    {
        var starts = 0;
        using var process = Shell($"while read line; do {Sound}; done", () => starts++);
        Assert.Equal(["b"], Read(process));
        Assert.Equal(["b"], Read(process));
        Assert.Equal(1, starts);
    }

    [Theory]
    [InlineData("read line; exec sleep 1000", "said nothing for 2 s")]
    [InlineData("read line; kill -9 $$", "broke down (exit code 137)")]
    [InlineData("exit 3", "broke down (exit code 3)")]
    [InlineData(@"read line; printf '\011\000\000\000\000'", "broke down")]
    [InlineData(@"read line; printf '\002\377\377\377\377'", "broke down")]
    [InlineData(@"read line; printf '\002\377\377\377\177'", "broke down")]
    [InlineData(@"read line; printf '\005\007\000\000\000a fault'", "a fault")]
    public void A_fault_is_one_sentence_and_the_next_file_is_read(string script, string expected)
    {
        var (starts, marker) = (0, folder.File("marker"));
        using var process = Shell(
            $"if [ ! -e {marker} ]; then touch {marker}; {script}; fi; while read line; do {Sound}; done",
            () => starts++);
        var message = Assert.Throws<UserErrorException>(() => Read(process)).Message;
        Assert.Contains(expected, message, StringComparison.Ordinal);
        if (expected != "a fault")
            Assert.Contains("a.pdf cannot be read", message, StringComparison.Ordinal);
        Assert.Equal(["b"], Read(process));
        Assert.InRange(starts, 1, 2);
    }

    [Fact]
    public void What_the_reader_leaves_out_is_said()
    {
        using var process = Shell(
            @"read line; printf '\007\004\000\000\000less'; " + Sound
                + @"; read line; printf '\006\013\000\000\000is a b\nmend'; cat",
            () => { });
        var warnings = new List<string>();
        Assert.Equal(["b"], Read(process, warnings.Add));
        Assert.Equal(["less"], warnings);
        var problem = Assert.Throws<NoTextException>(() => Read(process));
        Assert.Equal(("is a b", "mend"), (problem.Fault, problem.Remedy));
        Assert.EndsWith("a.pdf is a b; mend.", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_reader_that_never_comes_to_an_end_is_ended()
    {
        using var process = new DocumentProcess(() => Start("read line; while true; do " + Sound.Replace(
            @"\004\000\000\000\000", "", StringComparison.Ordinal) + "; done"))
        {
            Deadline = TimeSpan.FromMilliseconds(300),
        };
        Assert.Contains("longer than", Assert.Throws<UserErrorException>(() => Read(process)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Whoever_gives_up_ends_the_reader()
    {
        using var process = new DocumentProcess(() => Start("read line; exec sleep 1000"));
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
        Assert.Throws<OperationCanceledException>(
            () => process.Read(SourceFile.At(folder.Write("a.pdf", "x")), new SourceOptions(), new CollectedDocuments(),
                stop.Token));
    }

    [Fact]
    public async Task The_server_answers_each_request()
    {
        var file = folder.Write("a.html", "<p>one");
        var requests = Encoding.UTF8.GetBytes(
            $$"""
            {"Format":"HTML","Path":"{{file}}","Name":"page"}
            {"Format":"PDF","Path":"{{file}}","Name":"page.pdf"}

            """);
        var pipe = new Pipe();
        var serving = Task.Run(() => DocumentServer.Serve(new MemoryStream(requests), pipe.Writer.AsStream()));
        using var answers = new MemoryStream();
        await pipe.Reader.AsStream().CopyToAsync(answers, TestContext.Current.CancellationToken);
        await serving;
        var said = Encoding.UTF8.GetString(answers.ToArray());
        Assert.StartsWith("\u0001\u0004\0\0\0page\u0002\u0004\0\0\0one\n\u0003\0\0\0\0\u0004\0\0\0\0\u0005", said,
            StringComparison.Ordinal);
        Assert.Contains("page.pdf cannot be read as PDF", said, StringComparison.Ordinal);
    }

    private static ProcessStartInfo Start(string script) => new("/bin/sh", ["-c", script]);

    private static DocumentProcess Shell(string script, Action started) => new(() =>
    {
        started();
        return Start(script);
    })
    {
        Silence = TimeSpan.FromSeconds(2),
    };

    private List<string> Read(DocumentProcess process, Action<string>? warn = null)
    {
        var documents = new CollectedDocuments();
        process.Read(SourceFile.At(folder.Write("a.pdf", "x")), new SourceOptions { Warn = warn ?? (_ => { }) },
            documents);
        return documents.Texts;
    }
}

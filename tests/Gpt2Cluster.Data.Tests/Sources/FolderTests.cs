using System.Diagnostics;
using System.IO.Pipes;
using System.Net.Sockets;
using System.Text;
using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Sources;

namespace Gpt2Cluster.Data.Tests.Sources;

/// <summary>What lies in folders beside texts.</summary>
public sealed class FolderTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly List<string> warnings = [];

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_link_to_a_folder_above_it_is_not_followed_again()
    {
        folder.Write("a.txt", "first");
        folder.Write("sub/b.txt", "second");
        Directory.CreateSymbolicLink(folder.File("sub/up"), "..");
        Directory.CreateSymbolicLink(folder.File("sub/self"), ".");
        Assert.Equal(["first", "second"], Read(folder.Path));
        Assert.Equal(["first", "second"], Read(folder.File("**/*.txt")));
    }

    [Fact]
    public void Links_that_lead_elsewhere_are_followed()
    {
        folder.Write("out/c.txt", "linked folder");
        folder.Write("out/d.txt", "linked file");
        folder.Write("in/a.txt", "first");
        Directory.CreateSymbolicLink(folder.File("in/b"), "../out");
        File.CreateSymbolicLink(folder.File("in/z.txt"), "../out/d.txt");
        Assert.Equal(["first", "linked folder", "linked file", "linked file"], Read(folder.File("in")));
        using var source = DatasetSource.Open(folder.File("in"));
        Assert.Equal("linked file".Length, source.Files[^1].Bytes);
    }

    [Fact]
    public void A_dangling_link_is_named_with_its_target()
    {
        folder.Write("a.txt", "first");
        File.CreateSymbolicLink(folder.File("b.txt"), "gone.txt");
        foreach (var path in new[] { folder.Path, folder.File("b.txt") })
        {
            var message = Assert.Throws<UserErrorException>(() => Read(path)).Message;
            Assert.Contains("b.txt is a link to gone.txt", message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_pipe_is_left_out_and_never_waited_for()
    {
        folder.Write("a.txt", "first");
        MakePipe("b.txt");
        Assert.Equal(["first"], Read(folder.Path));
        Assert.Contains("b.txt is a pipe", Assert.Single(warnings), StringComparison.Ordinal);
        Assert.Contains("b.txt is a pipe", Fault("b.txt"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_socket_is_left_out_and_named()
    {
        folder.Write("a.txt", "first");
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(folder.File("s")));
        Assert.Equal(["first"], Read(folder.Path));
        Assert.Contains("s is a socket", Assert.Single(warnings), StringComparison.Ordinal);
        Assert.Contains("s is a socket", Fault("s"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_device_is_refused() => Assert.Contains("/dev/zero is a device",
        Assert.Throws<UserErrorException>(() => Read("/dev/zero")).Message, StringComparison.Ordinal);

    [Fact]
    public void What_is_no_text_is_left_out_of_a_folder_and_refused_by_name()
    {
        (string Name, byte[] Content, string Expected)[] others =
        [
            ("late.txt", [.. Enumerable.Repeat((byte)'a', 200_000), 0, 65], "is binary, not text: byte 200000 is zero"),
            ("a.jpg", [0xFF, 0xD8, 0xFF, 0xE0], "is a JPEG picture"),
            ("b.png", [0x89, .. "PNG\r\n"u8, 0x1A, 10], "is a PNG picture"),
            ("c.txt", [0x1F, 0x8B, 8, 8], "is compressed with gzip"),
            ("d.rtf", [.. "{\\rtf1 text}"u8], "is a document in RTF"),
            ("e.csv", [.. "PK\x03\x04"u8], "is a zip archive"),
            ("f.odt", [.. "PK\x03\x04"u8], "is a document of LibreOffice, not text"),
            ("g.pages", [.. "PK\x03\x04"u8], "is a document of Pages"),
            ("h.xlsx", [.. "PK\x03\x04"u8], "is a table of Excel"),
            ("i.doc", [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1], "is a document of an old Office"),
            ("j.xls", [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1], "is a table of Excel"),
            ("k.txt", [.. "version https://git-lfs.github.com/spec/v1\noid sha256:"u8], "is a pointer of Git LFS"),
        ];
        folder.Write("in/text.txt", "text");
        foreach (var (name, content, expected) in others)
        {
            folder.Write("in/" + name, content);
            var fault = Fault("in/" + name);
            Assert.Contains(name + " " + expected, fault, StringComparison.Ordinal);
        }

        Assert.Equal(["text"], Read(folder.File("in")));
        Assert.Equal(others.Length, warnings.Count);
        foreach (var (name, _, expected) in others)
            Assert.Contains(warnings, warning => warning.Contains($"{name} {expected}", StringComparison.Ordinal));
        using var source = DatasetSource.Open(folder.File("in"));
        source.Validate();
        Assert.Equal("text.txt", Path.GetFileName(Assert.Single(source.Files).Path));
    }

    [Theory]
    [InlineData(".DS_Store")]
    [InlineData("Thumbs.db")]
    [InlineData("desktop.ini")]
    [InlineData("~$novel.docx")]
    [InlineData("__MACOSX/a.txt")]
    public void What_another_system_hides_is_left_out_without_a_word(string name)
    {
        folder.Write("a.txt", "text");
        folder.Write(name, [.. Encoding.Unicode.Preamble, .. Encoding.Unicode.GetBytes("[.ShellClassInfo]")]);
        Assert.Equal(["text"], Read(folder.Path));
        Assert.Empty(warnings);
    }

    [Fact]
    public void A_folder_of_pictures_only_is_refused()
    {
        folder.Write("a.jpg", [0xFF, 0xD8, 0xFF]);
        Assert.Contains("Nothing of", Assert.Throws<UserErrorException>(() => Read(folder.Path)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_text_in_another_encoding_is_an_error_in_a_folder_too()
    {
        folder.Write("a.txt", "first");
        folder.Write("b.txt", [.. "caf"u8, 0xE9]);
        var message = Assert.Throws<UserErrorException>(() => Read(folder.Path)).Message;
        Assert.Contains("b.txt is not UTF-8", message, StringComparison.Ordinal);
        Assert.Contains("offset 3 ", message, StringComparison.Ordinal);
        Assert.Contains("--encoding", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a.xml", "<a/>", 1)]
    [InlineData("a.yaml", "a: b", 1)]
    [InlineData("a.md", "# a", 0)]
    [InlineData("stream", "{\"text\": \"a\"}", 1)]
    [InlineData("stream", "{ \"quoted\" poem }", 0)]
    public void A_structure_that_nobody_reads_is_named(string name, string content, int count)
    {
        folder.Write(name, content);
        Assert.Equal([content], Read(folder.File(name)));
        Assert.Equal(count, warnings.Count);
        Assert.All(warnings, warning => Assert.Contains(name, warning, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_pipe_of_the_shell_is_read_once_and_given_twice()
    {
        using var writing = new AnonymousPipeServerStream(PipeDirection.Out);
        var text = string.Concat(Enumerable.Repeat("A line of my poem, and another.\n", 20_000));
        var writer = Task.Run(() =>
        {
            writing.Write(Encoding.UTF8.GetBytes(text));
            writing.Dispose();
        });
        using var source = DatasetSource.Open($"/dev/fd/{writing.GetClientHandleAsString()}");
        await writer;
        source.Validate();
        Assert.Equal(text.Length, source.Bytes);
        for (var time = 0; time < 2; time++)
        {
            var documents = new CollectedDocuments();
            source.Read(documents);
            Assert.Equal([text], documents.Texts);
        }
    }

    private void MakePipe(string name)
    {
        using var made = Process.Start("mkfifo", [folder.File(name)]);
        made.WaitForExit();
        Assert.Equal(0, made.ExitCode);
    }

    private List<string> Read(string path) => CollectedDocuments.Of(path, new SourceOptions { Warn = warnings.Add });

    private string Fault(string name)
    {
        return Assert.Throws<UserErrorException>(() => CollectedDocuments.Of(folder.File(name))).Message;
    }
}

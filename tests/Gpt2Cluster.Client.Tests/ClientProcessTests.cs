using System.Diagnostics;
using System.IO.Compression;
using System.Text;

namespace Gpt2Cluster.Client.Tests;

/// <summary>The client as people start it: a process with standard streams, a locale and a child.</summary>
public sealed class ClientProcessTests : IDisposable
{
    private readonly Scratch scratch = new();

    public void Dispose() => scratch.Dispose();

    [Theory]
    [InlineData("C")]
    [InlineData("en_US.ISO-8859-1")]
    public async Task Json_is_utf8_whatever_the_locale(string locale)
    {
        var (code, results, _) = await Run(["encode", "überall.txt", "x.npz", "--json"], locale: locale);
        Assert.Equal(ExitCodes.BadInput, code);
        Assert.Contains("überall.txt", results, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Standard_input_is_a_dataset()
    {
        const string Text = "The sea, the sea.\n";
        var expected = await Run(["encode", scratch.File("a.txt", Text), scratch.File("a.npz"), "--json"]);
        Assert.Equal(0, expected.Code);
        foreach (var name in new[] { "-", "/dev/stdin" })
        {
            var (code, results, _) = await Run(["encode", name, scratch.File("b.npz"), "--json"], input: Text);
            Assert.Equal((0, expected.Results), (code, results));
        }
    }

    [Fact]
    public async Task A_document_of_word_is_read_by_a_process_of_the_clients_own()
    {
        const string Text = "It was night.";
        var plain = await Run(["encode", scratch.File("a.txt", Text + "\n"), scratch.File("a.npz"), "--json"]);
        var word = await Run(["encode", scratch.File("a.docx", Word(Text)), scratch.File("b.npz"), "--json"]);
        Assert.Equal((0, plain.Results, ""), word);
    }

    [Fact]
    public async Task A_damaged_document_is_one_sentence_that_names_it()
    {
        var path = scratch.File("broken.pdf", "%PDF-1.7 and nothing else");
        var (code, _, messages) = await Run(["encode", path, scratch.File("b.npz"), "--quiet"]);
        Assert.Equal(ExitCodes.BadInput, code);
        Assert.Contains("broken.pdf cannot be read as PDF", Assert.Single(messages.Trim().Split('\n')),
            StringComparison.Ordinal);
    }

    private static byte[] Word(string text)
    {
        const string Package = "http://schemas.openxmlformats.org/package/2006";
        const string Office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument";
        const string Main = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml";
        using var file = new MemoryStream();
        using (var archive = new ZipArchive(file, ZipArchiveMode.Create, leaveOpen: true))
        {
            Add("[Content_Types].xml", $"<Types xmlns=\"{Package}/content-types\"><Default Extension=\"rels\" "
                + "ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>"
                + $"<Default Extension=\"xml\" ContentType=\"{Main}\"/></Types>");
            Add("_rels/.rels", $"<Relationships xmlns=\"{Package}/relationships\"><Relationship Id=\"r\" "
                + $"Type=\"{Office}\" Target=\"d.xml\"/></Relationships>");
            Add("d.xml", "<w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:body>"
                + $"<w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:body></w:document>");

            void Add(string name, string content)
            {
                using var writer = new StreamWriter(archive.CreateEntry(name).Open());
                writer.Write(content);
            }
        }

        return file.ToArray();
    }

    private static async Task<(int Code, string Results, string Remarks)> Run(
        IEnumerable<string> words, string? input = null, string locale = "C.UTF-8")
    {
        var client = Path.Combine(AppContext.BaseDirectory, "Gpt2Cluster.Client.dll");
        var start = new ProcessStartInfo("dotnet", [client, .. words])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
        };
        start.Environment["LC_ALL"] = locale;
        using var process = Process.Start(start)!;
        var results = process.StandardOutput.ReadToEndAsync();
        var messages = process.StandardError.ReadToEndAsync();
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await results, await messages);
    }
}

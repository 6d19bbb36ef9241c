using System.Text;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Data.Models;
using Gpt2Cluster.Data.Models.HuggingFace;
using Gpt2Cluster.Data.Sources;
using Gpt2Cluster.Data.Uploads;

namespace Gpt2Cluster.Data.Tests.Uploads;

/// <summary>Files that somebody writes to while they are sent.</summary>
public sealed class ChangedFileTests : IDisposable
{
    private const int TextLength = 300_000;

    private static readonly DateTime Earlier = new(2001, 2, 3, 4, 5, 6, DateTimeKind.Utc);

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Texts_that_nobody_writes_to_are_sent_whole()
    {
        var upload = Checked("a");
        using var archive = new MemoryStream();
        upload.Write(archive);
        archive.Position = 0;
        var sent = new Lengths();
        DatasetUploadReader.Read(archive, _ => sent);
        Assert.Equal(TextLength, sent.Bytes);
    }

    [Theory]
    [InlineData("a", 100_000, "became shorter")]
    [InlineData("ä", 100_001, "became shorter")] // Cut within a character, it is no UTF-8 any more.
    [InlineData("a", 0, "became shorter")]
    [InlineData("a", TextLength + 7, "was changed")]
    [InlineData("a", TextLength, "was changed")]
    public void A_text_that_is_written_to_while_it_is_sent_ends_the_upload(string letter, int length, string expected)
    {
        var upload = Checked(letter);
        using var archive = new MemoryStream();
        var changing = new AtFirst(() => Rewrite(upload.Source.Path, length));
        Refused(upload, archive, changing, expected);
        // What was sent is no archive that a silo would store.
        archive.Position = 0;
        Assert.Throws<InvalidDataException>(() => DatasetUploadReader.Read(archive, _ => new Lengths()));
    }

    [Fact]
    public void A_text_that_is_written_to_between_check_and_sending_ends_the_upload()
    {
        var upload = Checked("a");
        Rewrite(upload.Source.Path, 10);
        Refused(upload, new MemoryStream(), null, "became shorter");
    }

    [Fact]
    public void A_text_that_is_there_no_more_at_the_end_ends_the_upload()
    {
        var upload = Checked("a");
        Refused(upload, new MemoryStream(), new AtFirst(() => File.Delete(upload.Source.Path)), "went away");
    }

    [Fact]
    public void Behind_a_link_the_file_counts()
    {
        if (OperatingSystem.IsWindows())
            return;
        var text = folder.Write("text.txt", new string('a', TextLength));
        File.CreateSymbolicLink(folder.File("link.txt"), text);
        var upload = DatasetUpload.Check(DatasetSource.Open(folder.File("link.txt")));
        upload.Write(new MemoryStream());
        Rewrite(text, 10);
        Refused(upload, new MemoryStream(), null, "became shorter");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_model_that_is_written_to_while_it_is_sent_ends_the_upload(bool isSentAsItIs)
    {
        var path = folder.File("model");
        var layout = new ParameterLayout(new ModelShape(50257, 8, 4, 2, 1));
        ModelFolderWriter.Write(path, layout, (_, into) => into.Clear());
        var weights = Path.Combine(path, ModelFolder.WeightsFileName);
        using var model = ModelFormats.Open(path);
        var files = isSentAsItIs ? model.Files : ModelFile.Of(model);
        var changing = new AtFirst(() => File.SetLastWriteTimeUtc(weights, Earlier));
        var problem = Assert.Throws<UserErrorException>(() => ModelUpload.Write(
            [.. files.Where(file => file.Name == ModelFolder.WeightsFileName)], new MemoryStream(), changing));
        Assert.StartsWith($"{weights} was changed while it was read", problem.Message, StringComparison.Ordinal);
    }

    private DatasetUpload Checked(string letter)
    {
        var text = string.Concat(Enumerable.Repeat(letter, TextLength / Encoding.UTF8.GetByteCount(letter)));
        return DatasetUpload.Check(DatasetSource.Open(folder.Write("text.txt", text)));
    }

    private static void Refused(DatasetUpload upload, Stream archive, IProgress<long>? progress, string expected)
    {
        var problem = Assert.Throws<UserErrorException>(() => upload.Write(archive, progress: progress));
        Assert.StartsWith(
            $"{upload.Source.Path} {expected} while it was read", problem.Message, StringComparison.Ordinal);
    }

    // At another time than before, however coarse the clock of the disk is.
    private static void Rewrite(string path, int length)
    {
        using (var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            file.SetLength(length);
        File.SetLastWriteTimeUtc(path, Earlier);
    }

    /// <summary>Does something when the first piece is read.</summary>
    private sealed class AtFirst(Action action) : IProgress<long>
    {
        private bool isDone;

        public void Report(long value)
        {
            if (isDone)
                return;
            isDone = true;
            action();
        }
    }

    private sealed class Lengths : IDocumentSink
    {
        public long Bytes { get; private set; }

        public void BeginDocument(string name)
        {
        }

        public void Text(ReadOnlySpan<byte> utf8) => Bytes += utf8.Length;

        public void EndOfText()
        {
        }

        public void Tokens(ReadOnlySpan<ushort> tokens)
        {
        }

        public void EndArray()
        {
        }

        public void EndDocument()
        {
        }
    }
}

using System.Formats.Tar;
using System.Text;
using Gpt2Cluster.Data.Models;
using Gpt2Cluster.Data.Models.HuggingFace;
using Gpt2Cluster.Data.Uploads;

namespace Gpt2Cluster.Data.Tests.Uploads;

public sealed class ArchiveReaderTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_model_comes_as_it_went_and_brings_nothing_else()
    {
        foreach (var name in ModelFolder.FileNames)
            folder.Write("from/" + name, $"content of {name}");
        folder.Write("from/notes.txt", "stays here");
        using var archive = new MemoryStream();
        var told = new List<long>();
        ModelUpload.Write(ModelFile.InFolder(folder.File("from")), archive, new Progress(told));
        Directory.CreateDirectory(folder.File("to"));
        archive.Position = 0;
        ModelUpload.Read(archive, folder.File("to"));
        Assert.Equal(
            ModelFolder.FileNames.Order(StringComparer.Ordinal),
            Directory.GetFiles(folder.File("to")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        foreach (var name in ModelFolder.FileNames)
            Assert.Equal($"content of {name}", File.ReadAllText(folder.File("to/" + name)));
        Assert.Equal(ModelFolder.FileNames.Sum(name => $"content of {name}".Length), told[^1]);
    }

    [Fact]
    public void A_model_of_no_files_is_an_archive_too()
    {
        Directory.CreateDirectory(folder.File("from"));
        Directory.CreateDirectory(folder.File("to"));
        using var archive = new MemoryStream();
        ModelUpload.Write(ModelFile.InFolder(folder.File("from")), archive);
        archive.Position = 0;
        ModelUpload.Read(archive, folder.File("to"));
        Assert.Empty(Directory.GetFileSystemEntries(folder.File("to")));
    }

    [Fact]
    public void A_cancelled_upload_has_no_end()
    {
        folder.Write("from/config.json", "{}");
        using var archive = new MemoryStream();
        Assert.Throws<OperationCanceledException>(
            () => ModelUpload.Write(
                ModelFile.InFolder(folder.File("from")), archive, cancellation: new CancellationToken(true)));
        Assert.Contains("cut short", Fault(archive.ToArray()));
    }

    [Fact]
    public void Cut_anywhere_it_is_said_so()
    {
        var sound = Tar(tar => Add(tar, "config.json", "{}"));
        Directory.CreateDirectory(folder.File("whole"));
        ModelUpload.Read(new MemoryStream(sound), folder.File("whole"));
        for (var length = 0; length < sound.Length; length += 100)
            Assert.Contains("cut short", Fault(sound[..length]));
        Assert.Contains("cut short", Fault(sound[..^1]));
        Assert.Contains("something follows", Fault([.. sound, 0]));
        Assert.Contains("something follows", Fault([.. sound, .. new byte[512]]));
    }

    [Theory]
    [InlineData("../config.json", "no plain relative one")]
    [InlineData("/etc/passwd", "no plain relative one")]
    [InlineData("a/../../config.json", "no plain relative one")]
    [InlineData("./config.json", "no plain relative one")]
    [InlineData("..\\config.json", "no plain relative one")]
    [InlineData("readme.md", "a model folder does not have")]
    [InlineData("sub/config.json", "a model folder does not have")]
    public void Names_that_lead_elsewhere_are_refused(string name, string fault)
    {
        Assert.Contains(fault, Fault(Tar(tar => Add(tar, name, "{}"))));
        Assert.Empty(Directory.GetFileSystemEntries(folder.File("target")));
    }

    [Fact]
    public void A_file_comes_once() => Assert.Contains("twice", Fault(Tar(tar =>
    {
        Add(tar, "config.json", "{}");
        Add(tar, "config.json", "{}");
    })));

    [Theory]
    [InlineData(TarEntryType.SymbolicLink)]
    [InlineData(TarEntryType.HardLink)]
    [InlineData(TarEntryType.CharacterDevice)]
    [InlineData(TarEntryType.BlockDevice)]
    [InlineData(TarEntryType.Fifo)]
    [InlineData(TarEntryType.Directory)]
    public void Only_plain_files_are_taken(TarEntryType type)
    {
        var bytes = Tar(tar =>
        {
            var entry = new GnuTarEntry(type, "config.json");
            if (type is TarEntryType.SymbolicLink or TarEntryType.HardLink)
                entry.LinkName = "/etc/passwd";
            tar.WriteEntry(entry);
        });
        Assert.Contains("no plain file", Fault(bytes));
    }

    [Fact]
    public void A_long_name_is_refused_before_its_header_is_taken_in() =>
        Assert.Contains("type 0x4C", Fault(Tar(tar => Add(tar, new string('n', 300), "{}"))));

    [Fact]
    public void Another_kind_version_or_program_is_named()
    {
        Assert.Contains("older client", Fault("GPT2FIL1 whatever"u8.ToArray()));
        Assert.Contains("version 5", Fault(Tar(_ => { }, head: """{"kind":"model","version":5}""")));
        Assert.Contains("brings a dataset", Fault(Tar(_ => { }, head: """{"kind":"dataset","version":4}""")));
        Assert.Contains("not valid JSON", Fault(Tar(_ => { }, head: "model")));
        Assert.Contains("says nothing", Fault(Tar(_ => { }, head: "null")));
        Assert.Contains("no tar archive", Fault([.. Enumerable.Repeat((byte)'0', 2048)]));
    }

    [Fact]
    public void A_member_of_more_than_eight_gibibytes_has_its_length()
    {
        const long Length = (8L << 30) + 1;
        var path = folder.File("large.tar");
        using (var head = new FileStream(path, FileMode.CreateNew))
        {
            var writer = new ArchiveWriter(head, UploadArchive.Model);
            Assert.Throws<EndOfPatienceException>(() => writer.Add("model.safetensors", new Endless(Length)));
        }

        using var tar = new FileStream(path, FileMode.Open, FileAccess.ReadWrite);
        tar.SetLength(2 * 512 + 512 + Length + 511 + 1024);
        using var reader = new ArchiveReader(tar, UploadArchive.Model);
        var member = reader.Next()!;
        Assert.Equal(("model.safetensors", Length), (member.Name, member.Length));
        Assert.Null(reader.Next());
    }

    private static byte[] Tar(Action<TarWriter> fill, string head = """{"kind":"model","version":4}""")
    {
        using var archive = new MemoryStream();
        using (var tar = new TarWriter(archive, TarEntryFormat.Gnu, leaveOpen: true))
        {
            Add(tar, "upload.json", head);
            fill(tar);
        }

        return archive.ToArray();
    }

    private static void Add(TarWriter tar, string name, string content) => tar.WriteEntry(
        new GnuTarEntry(TarEntryType.RegularFile, name)
        {
            DataStream = new MemoryStream(Encoding.UTF8.GetBytes(content)),
        });

    private string Fault(byte[] archive)
    {
        var target = folder.File("target");
        if (Directory.Exists(target))
            Directory.Delete(target, recursive: true);
        Directory.CreateDirectory(target);
        return Assert.Throws<InvalidDataException>(() => ModelUpload.Read(new MemoryStream(archive), target)).Message;
    }

    private sealed class Progress(List<long> told) : IProgress<long>
    {
        public void Report(long value) => told.Add(value);
    }

    /// <summary>A stream that has a length and gives nothing.</summary>
    private sealed class Endless(long length) : MemoryStream
    {
        public override long Length => length;

        public override int Read(byte[] buffer, int offset, int count) => throw new EndOfPatienceException();

        public override int Read(Span<byte> buffer) => throw new EndOfPatienceException();

        public override void CopyTo(Stream destination, int bufferSize) => throw new EndOfPatienceException();
    }

    private sealed class EndOfPatienceException : Exception;
}

using System.IO.Compression;
using System.Text;
using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Models;
using Gpt2Cluster.Data.Models.HuggingFace;
using Gpt2Cluster.Data.Models.PyTorch;

namespace Gpt2Cluster.Data.Tests.Models.PyTorch;

/// <summary>The files are made by Python's own pickle and zipfile (Goldens/pytorch/make.py).</summary>
public sealed class TorchFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("model.bin")]
    [InlineData("model-older.bin")]
    public void A_folder_with_nothing_else_is_the_model_that_the_safetensors_are(string name)
    {
        folder.Write("bin/config.json", File.ReadAllBytes(Golden.Path("numerics/config.json")));
        File.Copy(Golden.Path("pytorch/" + name), folder.File("bin/pytorch_model.bin"));
        using var model = ModelFormats.Open(folder.File("bin"));
        using var expected = ModelFolder.Open(Golden.Path("numerics"));
        Assert.Equal(ReadAll(expected), ReadAll(model));
        var stored = new ModelDirectory(folder.File("models")).Import(folder.File("bin"), "bin");
        using var copy = ModelFolder.Open(stored.Path);
        Assert.Equal(ReadAll(expected), ReadAll(copy));
    }

    [Fact]
    public void A_folder_of_the_hub_brings_halves_masks_and_its_head()
    {
        folder.Write("hub/config.json", File.ReadAllBytes(Golden.Path("numerics/config.json")));
        File.Copy(Golden.Path("pytorch/hub.bin"), folder.File("hub/pytorch_model.bin"));
        using var model = ModelFormats.Open(folder.File("hub"));
        using var expected = ModelFolder.Open(Golden.Path("numerics"));
        Assert.Equal(ReadAll(expected).Select(value => (float)(Half)value), ReadAll(model));
    }

    [Theory]
    [InlineData("pytorch_model.bin")]
    [InlineData("model.safetensors")]
    public void A_pointer_of_Git_is_named(string name)
    {
        folder.Write("git/config.json", File.ReadAllBytes(Golden.Path("numerics/config.json")));
        folder.Write("git/" + name, "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 548118077\n");
        var message = Assert.Throws<UserErrorException>(() => ModelFormats.Open(folder.File("git"))).Message;
        Assert.Contains($"{name} is a pointer of Git LFS", message);
        Assert.Contains("git lfs pull", message);
    }

    [Fact]
    public void Strides_and_shared_storages_are_what_they_are_in_PyTorch()
    {
        using var file = TorchFile.Open(Golden.Path("pytorch/views.bin"));
        Assert.Equal([0f, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], Values(file, "whole"));
        Assert.Equal([0f, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11], Values(file, "transposed"));
        Assert.Equal([4f, 5, 6, 7], Values(file, "row"));
        Assert.Equal([1f, 5, 9], Values(file, "column"));
        Assert.Equal([5f, 8, 5, 8], Values(file, "repeated"));
        Assert.Equal([7f], Values(file, "scalar"));
        Assert.Equal([0.5f, -2, 65504], Values(file, "halves"));
        Assert.Equal([1f, -2], Values(file, "brains"));
        Assert.Equal(("Long", false), (file.Find("numbers")!.DataType, file.Find("numbers")!.IsReadable));
        var part = new float[3];
        file.ReadRange("transposed", 5, part);
        Assert.Equal([9f, 2, 6], part);
        Assert.Throws<ArgumentException>(() => file.ReadRange("transposed", 10, part));
        Assert.Throws<ArgumentException>(() => file.ReadRange("numbers", 0, part.AsSpan(0, 1).ToArray()));
    }

    [Fact]
    public void A_view_that_is_far_apart_is_read_in_parts()
    {
        // One row of eight million elements and the one behind it, turned around: each pair spans the row.
        var storage = new PickledStorage("0", "FloatStorage", 16 << 20);
        var path = folder.File("elements");
        using (var output = File.Create(path))
        {
            output.SetLength(64L << 20);
            output.Position = 32L << 20;
            output.Write(BitConverter.GetBytes(3f));
        }

        using var elements = ElementFile.Open(path);
        var tensor = new TorchTensor("t", new PickledTensor(storage, 0, [2, 2], [1, 8 << 20]), 0);
        var values = new float[4];
        tensor.Read(elements, 0, values);
        Assert.Equal([0f, 3, 0, 0], values);
    }

    [Fact]
    public void A_call_is_refused_by_its_name_and_never_made()
    {
        var message = Fault(Golden.Path("pytorch/runs.bin"));
        Assert.Contains("posix.system", message);
        Assert.Contains("not run", message);
        Assert.False(File.Exists("was-run"));
    }

    [Theory]
    [InlineData("cbuiltins\neval\n.", "builtins.eval")]
    [InlineData("ctorch\nload\n.", "torch.load")]
    [InlineData("ctorch.storage\n_load_from_bytes\n.", "torch.storage._load_from_bytes")]
    [InlineData("i__main__\nX\n.", "0x69 'i'")]
    [InlineData("Ka.", "holds no dictionary")]
    [InlineData("}Ka.", "holds no dictionary")]
    [InlineData("}KaKbs.", "is no tensor")]
    [InlineData("Ka)R.", "no name")]
    [InlineData("ccollections\nOrderedDict\nKa\u0085R.", "collections.OrderedDict with arguments")]
    [InlineData("ccollections\nOrderedDict\n)R}b.", null)]
    [InlineData("Kah\u0001.", "has not had")]
    [InlineData("t.", "more than it has")]
    [InlineData("0.", "more than it has")]
    [InlineData("(.", "more than it has")]
    [InlineData("(q\u0001.", "something else")]
    [InlineData("]Ka", "cut short")]
    [InlineData("}X\u007f\u007f\u007f\u007fa.", "cut short")]
    [InlineData("KaQ.", "no tuple")]
    [InlineData(")Q.", "no storage")]
    [InlineData("", "cut short")]
    public void Anything_but_tensors_is_refused(string pickle, string? expected)
    {
        var path = WriteArchive(("archive/data.pkl", Encoding.Latin1.GetBytes(pickle)));
        if (expected is not null)
        {
            var message = Fault(path);
            Assert.Contains(expected, message);
            Assert.Contains(path, message);
            return;
        }

        using var file = TorchFile.Open(path);
        Assert.Empty(file.Tensors);
    }

    [Fact]
    public void A_storage_that_is_missing_or_too_short_is_named()
    {
        byte[] pickle;
        using (var archive = ZipFile.OpenRead(Golden.Path("pytorch/views.bin")))
        using (var content = archive.GetEntry("archive/data.pkl")!.Open())
        {
            var copy = new MemoryStream();
            content.CopyTo(copy);
            pickle = copy.ToArray();
        }

        Assert.Contains(
            "the storage 0 of whole is not in it", Fault(WriteArchive(("archive/data.pkl", pickle))));
        Assert.Contains("the storage 0 of whole is cut short", Fault(
            WriteArchive(("archive/data.pkl", pickle), ("archive/data/0", new byte[47]))));
        Assert.Contains("big-endian", Fault(
            WriteArchive(("archive/data.pkl", pickle), ("archive/byteorder", "big"u8.ToArray()))));
        Assert.Contains("no data.pkl", Fault(WriteArchive(("other", pickle))));
        Assert.Contains("no file of torch.save", Fault(folder.Write("text", "no archive")));
    }

    private static string Fault(string path) => Assert.Throws<UserErrorException>(() => TorchFile.Open(path)).Message;

    private static float[] Values(TorchFile file, string name)
    {
        var values = new float[file.Find(name)!.Length];
        file.ReadRange(name, 0, values);
        return values;
    }

    private static float[] ReadAll(IModelReader model)
    {
        var all = new float[model.Layout.Length];
        model.ReadParameters(0, all);
        return all;
    }

    private string WriteArchive(params (string Name, byte[] Content)[] members)
    {
        var path = folder.File("made.bin");
        using var output = File.Create(path);
        using var archive = new ZipArchive(output, ZipArchiveMode.Create);
        foreach (var (name, content) in members)
        {
            using var member = archive.CreateEntry(name, CompressionLevel.NoCompression).Open();
            member.Write(content);
        }

        return path;
    }
}

using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Datasets;
using Gpt2Cluster.Contracts.Models;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Data.Models;
using Gpt2Cluster.Data.Models.HuggingFace;
using Gpt2Cluster.Data.Sources;
using Gpt2Cluster.Data.Tokens;
using Gpt2Cluster.Data.Uploads;

namespace Gpt2Cluster.Silo.Tests.Processes;

public sealed class UploadTests
{
    private const string Text =
        "Two silos lean on one another's light, and neither knows which of them keeps the night.";

    [Fact]
    public async Task A_text_becomes_a_dataset_that_another_disk_can_have()
    {
        using var folder = new TestFolder();
        using var other = new TestFolder();
        using var silo = await SiloProcess.StartReady(folder.Path, "--redis", "embedded:0", "--name", "alpha");
        using var second = await SiloProcess.StartReady(other.Path, "--redis", silo.Redis, "--name", "beta");
        await using var client = await TestClient.Connect(silo);
        var upload = client.Grains.Upload("alpha".Silo(), "u1");
        var archive = new MemoryStream();
        WriteText(archive, Text);
        await Send(upload, archive.ToArray());
        var dataset = (await Finished(() => upload.FinishDataset("a test"))).Dataset!;
        var expected = new Gpt2Tokenizer().Encode(Text).Select(token => (ushort)token).ToArray();
        Assert.Equal(expected.Length, dataset.TokenCount);
        var grain = client.Grains.Dataset(dataset.Hash);
        Assert.Equal(["alpha".Silo()], (await grain.Describe())!.Holders);
        await Finished(() => grain.BringTo("beta".Silo()), isDone => isDone);
        Assert.Equal(["alpha".Silo(), "beta".Silo()], (await grain.Describe())!.Holders);
        foreach (var holder in new[] { "alpha", "beta" })
        {
            var shard = client.Grains.Shard(new ShardId(holder.Silo(), dataset.Hash, 0));
            var read = await Finished(() => shard.Read(1, 3), bytes => bytes is not null);
            Assert.Equal(expected.Skip(1).Take(3), Tokens(read!));
        }
    }

    [Fact]
    public async Task A_dataset_is_found_by_its_documents_until_it_is_damaged()
    {
        using var folder = new TestFolder();
        using var silo = await SiloProcess.StartReady(folder.Path, "--redis", "embedded:0", "--name", "alpha");
        await using var client = await TestClient.Connect(silo);
        var archive = new MemoryStream();
        WriteText(archive, Text);
        using var digest = new DocumentDigest();
        DatasetUploadReader.Read(new MemoryStream(archive.ToArray()), _ => digest);
        Assert.Null(await Find());
        var stored = await Store("u1");
        var found = await Find();
        Assert.Equal((stored.Hash, stored.TokenCount), (found?.Hash, found?.TokenCount ?? 0));
        var shard = Path.Combine(folder.Path, "datasets", stored.Hash, "shard-00000.bin");
        var bytes = File.ReadAllBytes(shard);
        bytes[0] ^= 1;
        File.WriteAllBytes(shard, bytes);
        Assert.Null(await Find());
        Assert.Equal(stored.Hash, (await Store("u2")).Hash);
        Assert.Equal(stored.Hash, (await Find())?.Hash);

        async Task<DatasetDescription> Store(string id)
        {
            var upload = client.Grains.Upload("alpha".Silo(), id);
            await Send(upload, archive.ToArray());
            return (await Finished(() => upload.FinishDataset("a test"))).Dataset!;
        }

        async Task<DatasetDescription?> Find() => (await Finished(
            () => client.Grains.Store("alpha".Silo()).FindDataset(digest.Sha256, null),
            answer => answer.IsDone)).Dataset;
    }

    [Fact]
    public async Task A_disk_that_takes_no_more_is_one_failure_wherever_it_is_met()
    {
        if (!OperatingSystem.IsLinux())
            return;
        using var folder = new TestFolder();
        using var silo = await SiloProcess.StartReady(folder.Path, "--redis", "embedded:0", "--name", "alpha");
        await using var client = await TestClient.Connect(silo);
        var archive = new MemoryStream();
        WriteText(archive, Text);
        var full = FullSpool(folder, "u1");
        var sent = client.Grains.Upload("alpha".Silo(), "u1");
        Assert.Equal(IUpload.NoMore, await sent.Append(new Piece(0, new byte[Piece.MaximumBytes])));
        Assert.Equal(IUpload.NoMore, await sent.Append(new Piece(1, [1])));
        AssertNotStored(await Finished(() => sent.FinishDataset("a test")));
        Assert.False(File.Exists(full));

        // A piece this short is held back until the end.
        full = FullSpool(folder, "u2");
        var held = client.Grains.Upload("alpha".Silo(), "u2");
        await held.Append(new Piece(0, [1]));
        AssertNotStored(await Finished(() => held.FinishDataset("a test")));
        AssertNotStored(await Finished(() => held.FinishDataset("a test")));
        Assert.False(File.Exists(full));

        // A folder cannot be made where a file is.
        var datasets = Path.Combine(folder.Path, "datasets");
        if (Directory.Exists(datasets))
            Directory.Delete(datasets);
        await File.WriteAllTextAsync(datasets, "");
        var tokenised = client.Grains.Upload("alpha".Silo(), "u3");
        await Send(tokenised, archive.ToArray());
        AssertNotStored(await Finished(() => tokenised.FinishDataset("a test")));

        void AssertNotStored(UploadAnswer answer)
        {
            Assert.Null(answer.Refusal);
            Assert.False(answer.IsLost);
            Assert.StartsWith(
                $"The silo alpha cannot store the upload in its folder {folder.Path} (", answer.Failure);
            Assert.EndsWith("; free space there, or start the silo with --data on another disk.", answer.Failure);
        }
    }

    [Fact]
    public async Task A_model_is_checked_stored_listed_and_brought_to_another_disk()
    {
        using var folder = new TestFolder();
        using var other = new TestFolder();
        using var source = new TestFolder();
        var layout = new ParameterLayout(new ModelShape(50257, 8, 4, 2, 1));
        var path = Path.Combine(source.Path, "model");
        ModelFolderWriter.Write(path, layout, (start, into) => into.Fill(start % 7));
        using var silo = await SiloProcess.StartReady(folder.Path, "--redis", "embedded:0", "--name", "alpha");
        using var second = await SiloProcess.StartReady(other.Path, "--redis", silo.Redis, "--name", "beta");
        await using var client = await TestClient.Connect(silo);
        var archive = new MemoryStream();
        ModelUpload.Write(ModelFile.InFolder(path), archive);
        Assert.Null((await Store(client, "u1", archive.ToArray(), "small")).Refusal);
        Assert.Contains("already", (await Store(client, "u2", archive.ToArray(), "small")).Refusal);
        Assert.Contains("cannot name", (await Store(client, "u3", archive.ToArray(), "../small")).Refusal);
        Assert.Contains("damaged", (await Store(client, "u4", archive.ToArray()[..^9], "cut")).Refusal);
        Assert.Contains(
            "an older client has sent it", (await Store(client, "u5", "GPT2FIL1 and more"u8.ToArray(), "old")).Refusal);
        var model = Assert.Single(await client.Grains.Store("alpha".Silo()).List());
        Assert.Equal(("small", layout.Length), (model.Name, model.ParameterCount));
        var brought = client.Grains.Store("beta".Silo());
        Assert.Equal(CopyOutcome.IsNotThere, await Bring("models/none"));
        Assert.Equal(CopyOutcome.IsHere, await Bring("models/small"));
        Assert.Equal(
            await File.ReadAllBytesAsync(Path.Combine(path, "model.safetensors")),
            await File.ReadAllBytesAsync(Path.Combine(other.Path, "models", "small", "model.safetensors")));
        await Assert.ThrowsAnyAsync<Exception>(() => brought.Files("../alpha"));
        await Assert.ThrowsAnyAsync<Exception>(() => brought.Read("models/small/../../../etc/passwd", 0, 1));

        async Task<CopyOutcome> Bring(string name) => (await Finished(
            () => brought.Bring(name, "alpha".Silo()), answer => answer.Outcome != CopyOutcome.IsUnderWay)).Outcome;
    }

    // The file that an upload is to be spooled to, on a disk without room.
    private static string FullSpool(TestFolder folder, string unique)
    {
        var uploads = Directory.CreateDirectory(Path.Combine(folder.Path, "silos", "alpha", "uploads")).FullName;
        var key = SHA256.HashData(Encoding.UTF8.GetBytes($"alpha/{unique}"));
        var spool = Path.Combine(uploads, Convert.ToHexStringLower(key) + ".spool");
        File.CreateSymbolicLink(spool, "/dev/full");
        return spool;
    }

    private static ushort[] Tokens(byte[] bytes) => MemoryMarshal.Cast<byte, ushort>(bytes).ToArray();

    private static async Task<UploadAnswer> Store(TestClient client, string unique, byte[] archive, string name)
    {
        var upload = client.Grains.Upload("alpha".Silo(), unique);
        await Send(upload, archive);
        return await Finished(() => upload.FinishModel(name));
    }

    private static async Task Send(IUpload upload, byte[] bytes)
    {
        var pieces = bytes.Chunk(Piece.MaximumBytes).ToArray();
        for (var index = 0; index < pieces.Length; index++)
        {
            Assert.Equal(index + 1, await upload.Append(new Piece(index, pieces[index])));
            Assert.Equal(index + 1, await upload.Append(new Piece(index, pieces[index])));
        }
    }

    private static Task<UploadAnswer> Finished(Func<Task<UploadAnswer>> finish) =>
        Finished(finish, answer => !answer.IsPending);

    private static async Task<T> Finished<T>(Func<Task<T>> ask, Func<T, bool> isDone)
    {
        const int AnswerCount = 20;
        for (var left = AnswerCount; left > 0; left--)
        {
            var answer = await ask();
            if (isDone(answer))
                return answer;
        }

        throw new TimeoutException($"it was not done {AnswerCount} times");
    }

    private static void WriteText(Stream archive, string text)
    {
        var writer = new DatasetUploadWriter(archive);
        writer.BeginDocument("test.txt");
        writer.Text(Encoding.UTF8.GetBytes(text));
        writer.EndDocument();
        writer.Complete();
    }
}

using System.Text;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Datasets;
using Gpt2Cluster.Grains.Tests.Silos;

namespace Gpt2Cluster.Grains.Tests.Datasets;

/// <summary>What a client sends to a silo, and what is left of it there.</summary>
[Collection(TwoSilosCollection.Name)]
public sealed class UploadGrainTests(TwoSilos silos)
{
    private const int PieceBytes = 300;

    private string Spools => $"silos/{silos.A.Name}/uploads";

    [Fact]
    public async Task An_upload_that_was_cut_goes_on_where_it_stood()
    {
        ushort[] tokens = [1, 2, 3, 4, 5];
        var pieces = Pieces(Archives.OfTokens(tokens));
        Assert.True(pieces.Length > 3);
        var cut = silos.Grains.Upload(silos.A.Name, "cut");
        Assert.Equal(1, await cut.Append(pieces[0]));
        Assert.Equal(2, await cut.Append(pieces[1]));

        // The answers were lost: whoever goes on sends again, or too far, and is told where the upload stands.
        var gone = silos.Grains.Upload(silos.A.Name, "cut");
        Assert.Equal(2, await gone.Append(pieces[0]));
        Assert.Equal(2, await gone.Append(pieces[1]));
        Assert.Equal(2, await gone.Append(pieces[3]));
        foreach (var piece in pieces[2..])
            Assert.Equal(piece.Index + 1, await gone.Append(piece));

        var stored = (await gone.DatasetAnswer()).Dataset;
        Assert.Equal((Archives.HashOf(tokens), 5L, "a test"), (stored?.Hash, stored?.TokenCount, stored?.Provenance));
        Assert.Equal([silos.A.Name], stored!.Holders);
        Assert.Empty(silos.A.Entries(Spools));
        Assert.Equal([silos.A.Name], (await silos.Grains.Dataset(stored.Hash).Describe())!.Holders);
    }

    [Fact]
    public async Task A_second_finish_changes_nothing()
    {
        var archive = Archives.OfTokens(10, 11, 12);
        var upload = await silos.Grains.Send(silos.A.Name, archive);
        var first = await upload.DatasetAnswer();
        var folder = silos.A.File($"datasets/{first.Dataset!.Hash}");
        var before = Times(folder);

        Assert.Equal(1, await upload.Append(new Piece(1, [1, 2, 3])));
        var second = await upload.DatasetAnswer();
        Assert.Equal(first.Dataset with { Holders = [] }, second.Dataset! with { Holders = [] });
        Assert.Equal(first.Dataset.Holders, second.Dataset!.Holders);
        Assert.Equal(before, Times(folder));
        Assert.Empty(silos.A.Entries(Spools));
    }

    [Theory]
    [InlineData("nothing that is an archive")]
    [InlineData("cut short")]
    [InlineData("a model")]
    [InlineData("one token")]
    [InlineData("something behind the end")]
    public async Task What_is_no_dataset_is_refused_in_one_sentence_and_leaves_no_file(string what)
    {
        var sound = Archives.OfTokens(20, 21, 22);
        var archive = what switch
        {
            "nothing that is an archive" => Encoding.UTF8.GetBytes(new string('x', 5000)),
            "cut short" => sound[..^700],
            "a model" => Archives.OfModel(1),
            "one token" => Archives.OfTokens(20),
            _ => [.. sound, 1],
        };
        var before = silos.A.Entries("datasets").Order().ToArray();
        var upload = await silos.Grains.Send(silos.A.Name, archive);
        var answer = await upload.DatasetAnswer();
        AssertSentence(answer.Refusal);
        Assert.Equal((null, null, false), (answer.Dataset, answer.Failure, answer.IsLost));
        Assert.Equal(before, silos.A.Entries("datasets").Order());
        Assert.Empty(silos.A.Entries(Spools));
    }

    [Theory]
    [InlineData("../outside", "cannot name a model")]
    [InlineData("there", "is in the store already")]
    [InlineData("new", "model.safetensors")]
    public async Task A_model_that_cannot_be_stored_is_refused_in_one_sentence_and_leaves_no_file(
        string name, string reason)
    {
        if (silos.A.Entries("models").All(model => model != "there"))
            await silos.Grains.StoreModel(silos.A.Name, "there", 1);
        var before = silos.A.Entries("models").Order().ToArray();
        var archive = name == "new" ? WithoutWeights(Archives.OfModel(2)) : Archives.OfModel(2);
        var upload = await silos.Grains.Send(silos.A.Name, archive);
        var answer = await upload.ModelAnswer(name);
        AssertSentence(answer.Refusal);
        Assert.Contains(reason, answer.Refusal, StringComparison.Ordinal);
        Assert.Equal(before, silos.A.Entries("models").Order());
        Assert.Empty(silos.A.Entries(Spools));
    }

    [Fact]
    public async Task Nothing_that_was_sent_is_lost_and_not_bad()
    {
        var answer = await silos.Grains.Upload(silos.A.Name, "nothing").FinishDataset("a test");
        Assert.Equal((true, "Nothing was sent."), (answer.IsLost, answer.Refusal));
    }

    [Fact]
    public async Task A_disk_that_takes_nothing_is_no_fault_of_the_upload()
    {
        var spools = silos.B.File($"silos/{silos.B.Name}/uploads");
        Directory.CreateDirectory(spools);
        Directory.Delete(spools);
        await File.WriteAllTextAsync(spools, "no folder");
        var upload = silos.Grains.Upload(silos.B.Name, "full");
        Assert.Equal(IUpload.NoMore, await upload.Append(new Piece(0, [1])));
        Assert.Equal(IUpload.NoMore, await upload.Append(new Piece(0, [1])));
        var answer = await upload.FinishDataset("a test");
        Assert.Null(answer.Refusal);
        AssertSentence(answer.Failure);
        Assert.Contains($"silo {silos.B.Name} cannot store", answer.Failure, StringComparison.Ordinal);
        File.Delete(spools);
    }

    [Fact]
    public async Task An_upload_that_is_abandoned_leaves_no_file()
    {
        var upload = silos.Grains.Upload(silos.A.Name, "abandoned");
        await upload.Append(new Piece(0, [1, 2, 3]));
        Assert.Single(silos.A.Entries(Spools));
        var gone = silos.Deactivation(upload);
        await upload.Abandon();
        await gone;
        Assert.Empty(silos.A.Entries(Spools));
        Assert.True((await upload.FinishDataset("a test")).IsLost);
    }

    private static Piece[] Pieces(byte[] archive) =>
        [.. archive.Chunk(PieceBytes).Select((bytes, index) => new Piece(index, bytes))];

    private static (string, DateTime)[] Times(string folder) =>
    [
        .. Directory.GetFileSystemEntries(folder, "*", SearchOption.AllDirectories).Order()
            .Select(path => (path, File.GetLastWriteTimeUtc(path))),
    ];

    /// <summary>The archive that ends behind its second member, the configuration.</summary>
    private static byte[] WithoutWeights(byte[] model)
    {
        const int blockBytes = 512;
        var weights = model.AsSpan().IndexOf("model.safetensors"u8);
        return [.. model[..(weights / blockBytes * blockBytes)], .. new byte[2 * blockBytes]];
    }

    private static void AssertSentence(string? text)
    {
        Assert.NotNull(text);
        Assert.EndsWith(".", text, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', text);
        Assert.DoesNotContain(". ", text, StringComparison.Ordinal);
        Assert.DoesNotContain("..", text.Replace("../", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }
}

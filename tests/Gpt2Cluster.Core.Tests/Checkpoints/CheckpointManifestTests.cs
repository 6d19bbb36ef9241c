using System.Text;
using System.Text.Json;
using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Core.Tests.Specification;

namespace Gpt2Cluster.Core.Tests.Checkpoints;

public sealed class CheckpointManifestTests
{
    private static readonly string Pieces = new('0', 2 * StateHash.PieceHashBytes);

    private static readonly byte[] PieceBytes = new byte[StateHash.PieceHashBytes];

    private static readonly CheckpointManifest Sound = new()
    {
        Step = 40,
        StateHash = StateHash.Combine(40, PieceBytes, PieceBytes, PieceBytes),
        ParameterPieces = Pieces,
        FirstMomentPieces = Pieces,
        SecondMomentPieces = Pieces,
        Files = [new CheckpointFile("model.safetensors", 123, "ab")],
        ValidationLoss = 3.25,
        Record = new RunRecord
        {
            Specification = Specifications.Sound,
            CommittedStep = 40,
            BestValidation = new ValidationPoint(40, 3.25),
            Checkpoints = [new CheckpointEntry(20, "cd", "silo1".Silo(), "/c/20", null)],
            History = LossHistory.Empty.With(1, 10.5).With(2, 9.25),
        },
    };

    public static TheoryData<string, Func<CheckpointManifest, CheckpointManifest>> Damages { get; } = new()
    {
        { "has format 2", manifest => manifest with { Format = 2 } },
        { "step 1001 is not one", manifest => manifest with { Step = 1001 } },
        { "do not make up the state hash", manifest => manifest with { StateHash = "00" } },
        { "do not make up the state hash", manifest => manifest with { Step = 41 } },
        { "piece hashes are damaged", manifest => manifest with { FirstMomentPieces = "xyz" } },
        { "names a file '../x'", manifest => manifest with { Files = [new CheckpointFile("../x", 1, "ab")] } },
        { "names a file 'manifest.json'", manifest => manifest with { Files = [new("manifest.json", 1, "ab")] } },
        { "of -1 bytes", manifest => manifest with { Files = [new CheckpointFile("x", -1, "ab")] } },
    };

    [Fact]
    public void What_is_written_is_read()
    {
        var read = CheckpointManifest.Read(Sound.Write());
        Assert.Equal(Sound.Write(), read.Write());
        Assert.Equal((40L, 3.25), (read.Step, read.ValidationLoss));
        Assert.Equal([10.5, 9.25], read.Record.History.Points);
        Assert.Equal(new ValidationPoint(40, 3.25), read.Record.BestValidation);
        Assert.Equal(20, read.Record.NewestCheckpoint?.Step);
    }

    [Theory]
    [MemberData(nameof(Damages), DisableDiscoveryEnumeration = true)]
    public void A_contradiction_is_named(string message, Func<CheckpointManifest, CheckpointManifest> damage)
    {
        var error = Assert.Throws<InvalidDataException>(() => CheckpointManifest.Read(damage(Sound).Write()));
        Assert.Contains(message, error.Message);
    }

    [Theory]
    [InlineData("\"validation_loss\":3.25", "\"validation_loss\":3.75")]
    [InlineData("\"committed_step\":40", "\"committed_step\":41")]
    [InlineData("\"sha256\":\"ab\"", "\"sha256\":\"ac\"")]
    [InlineData("10.5", "11.5")]
    [InlineData("\"checksum\":\"", "\"checksum\":\"0")]
    public void Content_that_does_not_have_the_checksum_is_refused(string written, string rotten)
    {
        var json = Sound.Write();
        Assert.Contains(written, json, StringComparison.Ordinal);
        var error = Assert.Throws<InvalidDataException>(
            () => CheckpointManifest.Read(json.Replace(written, rotten, StringComparison.Ordinal)));
        Assert.Equal("the manifest does not have its checksum", error.Message);
    }

    [Fact]
    public void A_flipped_bit_is_found_wherever_it_is()
    {
        var bytes = Encoding.UTF8.GetBytes(Sound.Write());
        for (var bit = 0; bit < 8 * bytes.Length; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            var rotten = Encoding.UTF8.GetString(bytes);
            Assert.Throws<InvalidDataException>(() => CheckpointManifest.Read(rotten));
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Fact]
    public void One_of_before_there_was_a_checksum_is_read_as_before()
    {
        var before = JsonSerializer.Serialize(Sound, SpecificationJson.Options)
            .Replace(",\"checksum\":null", "", StringComparison.Ordinal);
        Assert.DoesNotContain("checksum", before, StringComparison.Ordinal);
        Assert.Equal(3.25, CheckpointManifest.Read(before).ValidationLoss);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{\"format\":1}")]
    public void Anything_else_is_refused(string json) =>
        Assert.Throws<InvalidDataException>(() => CheckpointManifest.Read(json));

    [Fact]
    public void Half_a_manifest_is_refused()
    {
        var json = Sound.Write();
        Assert.Throws<InvalidDataException>(() => CheckpointManifest.Read(json[..(json.Length / 2)]));
    }
}

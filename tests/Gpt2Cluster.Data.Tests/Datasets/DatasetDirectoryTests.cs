using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Housekeeping;
using Gpt2Cluster.Data.Datasets;

namespace Gpt2Cluster.Data.Tests.Datasets;

public sealed class DatasetDirectoryTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly DatasetDirectory directory;
    private readonly ushort[] tokens = [.. Enumerable.Range(0, 1_003).Select(i => (ushort)(i * 37 % 50257))];

    public DatasetDirectoryTests() => directory = new DatasetDirectory(folder.File("datasets"));

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(100)]
    [InlineData(1_003)]
    [InlineData(5_000)]
    public void Reads_any_range_across_shards(int shardTokens)
    {
        var description = Store(shardTokens);
        using var dataset = directory.Open(description.Sha256);
        Assert.Equal(tokens.Length, dataset.Description.TokenCount);
        Assert.Equal((tokens.Length + shardTokens - 1) / shardTokens, description.ShardSha256.Count);
        var random = new Random(5);
        for (var round = 0; round < 100; round++)
        {
            var start = random.Next(tokens.Length);
            var part = new ushort[random.Next(tokens.Length - start + 1)];
            dataset.Read(start, part);
            Assert.True(part.AsSpan().SequenceEqual(tokens.AsSpan(start, part.Length)));
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => dataset.Read(tokens.Length, new ushort[1]));
    }

    [Fact]
    public void The_name_is_the_hash_and_nothing_else_is_there()
    {
        var description = Store(100);
        Assert.Equal(Golden.Hash(tokens.Select(token => (int)token)), description.Sha256);
        Assert.Equal([description.Sha256], directory.List());
        Assert.Equal(
            [description.Sha256], Directory.EnumerateFileSystemEntries(directory.Root).Select(Path.GetFileName));
        Assert.Equal("a text", directory.Describe(description.Sha256).Provenance);
    }

    [Fact]
    public void One_that_nobody_has_used_since_is_removed()
    {
        var description = Store(100);
        var usedAt = directory.UsedAt(description.Sha256)!.Value;
        Assert.True(directory.Remove(description.Sha256, usedAt, []));
        Assert.False(directory.Remove(description.Sha256, usedAt, []));
        Assert.Null(directory.UsedAt(description.Sha256));
        Assert.Empty(Directory.EnumerateFileSystemEntries(directory.Root));
        Assert.False(directory.Touch(description.Sha256));
    }

    [Fact]
    public void One_that_is_sent_again_or_named_meanwhile_stays()
    {
        var description = Store(100);
        var before = new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        File.SetLastWriteTimeUtc(Path.Combine(directory.Root, description.Sha256, "dataset.json"), before);
        var usedAt = directory.UsedAt(description.Sha256)!.Value;
        Assert.Equal(before, usedAt.UtcDateTime);
        Store(100);
        Assert.False(directory.Remove(description.Sha256, usedAt, []));
        Assert.True(directory.UsedAt(description.Sha256) > usedAt);
        directory.Open(description.Sha256).Dispose();
        Assert.Single(Directory.EnumerateFileSystemEntries(directory.Root));
    }

    [Fact]
    public void One_that_a_run_has_named_since_stays_and_names_are_kept_apart()
    {
        var hash = Store(100).Sha256;
        var usedAt = directory.UsedAt(hash)!.Value;
        NamingRun[] runs =
        [
            new("c", "run.1", "0f"), new("c", "run", "1.0f"), new("c.run", "1", "0f"), new("..", ".", ""),
            new("a@b", "c", ""), new("a", "b@c", ""), new("a%40b", "c", ""), new("c/d", "é", "0f"),
        ];
        foreach (var run in runs)
            directory.Note(hash, run);
        directory.Note(hash, runs[0]);
        Assert.Equal(runs.ToHashSet(), directory.NamedBy(hash).ToHashSet());
        Assert.Equal(runs.Length, directory.NamedBy(hash).Count);
        Assert.False(directory.Remove(hash, usedAt, runs[1..]));
        directory.RemoveNote(hash, runs[0]);
        directory.Open(hash).Dispose();
        Assert.True(directory.Remove(hash, usedAt, runs[1..]));
        Assert.Empty(Directory.EnumerateFileSystemEntries(directory.Root));
    }

    /// <summary>Two users share the folder, and only the one who has stored the dataset may set its time.</summary>
    [Fact]
    public void One_that_cannot_be_touched_is_of_use_all_the_same()
    {
        var hash = Store(100).Sha256;
        var before = directory.UsedAt(hash)!.Value;
        var denied = new DatasetDirectory(directory.Root)
        {
            SetUsedAt = (_, _) => throw new UnauthorizedAccessException("It is another user's."),
        };
        Assert.Equal(before, denied.UsedAt(hash));
        Assert.True(denied.Touch(hash, out var problem));
        Assert.IsType<UnauthorizedAccessException>(problem);
        Assert.True(denied.UsedAt(hash) > before);
        Assert.False(denied.Remove(hash, before, []));
        Assert.True(directory.Touch(hash, out problem));
        Assert.Null(problem);
    }

    [Fact]
    public void A_note_of_one_that_is_not_there_makes_none()
    {
        Directory.CreateDirectory(directory.Root);
        Assert.ThrowsAny<IOException>(() => directory.Note(new string('0', 64), new NamingRun("c", "run", "0f")));
        directory.Remember(new string('0', 64), new DatasetOrigin(new string('1', 64), null));
        Assert.Empty(Directory.EnumerateFileSystemEntries(directory.Root));
    }

    [Fact]
    public void One_that_is_healed_keeps_the_runs_that_have_named_it()
    {
        var hash = Store(100).Sha256;
        var run = new NamingRun("c", "run", "0f");
        directory.Note(hash, run);
        File.WriteAllText(Path.Combine(directory.Root, hash, "shard-00000.bin"), "damaged");
        Store(100);
        directory.Open(hash).Dispose();
        Assert.Equal([run], directory.NamedBy(hash));
    }

    [Fact]
    public void The_same_dataset_again_changes_nothing()
    {
        var first = Store(100);
        var second = Store(50);
        Assert.Equal(first.Sha256, second.Sha256);
        Assert.Equal(100, second.ShardTokens);
        Assert.Single(Directory.EnumerateFileSystemEntries(directory.Root));
    }

    [Fact]
    public void A_staging_that_is_given_up_leaves_nothing()
    {
        using (var staging = directory.Begin(10))
            staging.Output.Write(new byte[100]);
        Assert.Empty(Directory.EnumerateFileSystemEntries(directory.Root));
        Assert.Empty(directory.List());
    }

    [Theory]
    [InlineData(1)] // A piece that stays in a buffer fails when it is closed.
    [InlineData(64 << 10)]
    [InlineData(10 << 20)]
    public void A_staging_on_a_full_disk_leaves_nothing(int bytes)
    {
        if (!OperatingSystem.IsLinux())
            return;
        Assert.ThrowsAny<IOException>(() =>
        {
            using var staging = directory.Begin(64 << 20);
            var staged = Assert.Single(Directory.GetDirectories(directory.Root));
            File.CreateSymbolicLink(Path.Combine(staged, "shard-00000.bin"), "/dev/full");
            staging.Output.Write(new byte[bytes]);
            staging.Output.Flush();
        });
        Assert.Empty(Directory.EnumerateFileSystemEntries(directory.Root));
    }

    [Fact]
    public void A_staging_that_is_given_up_on_a_full_disk_says_nothing_more_of_it()
    {
        if (!OperatingSystem.IsLinux())
            return;
        using (var staging = directory.Begin(64 << 20))
        {
            var staged = Assert.Single(Directory.GetDirectories(directory.Root));
            File.CreateSymbolicLink(Path.Combine(staged, "shard-00000.bin"), "/dev/full");
            Assert.ThrowsAny<IOException>(() =>
            {
                staging.Output.Write(new byte[100]);
                staging.Output.Flush();
            });
        }

        Assert.Empty(Directory.EnumerateFileSystemEntries(directory.Root));
    }

    [Theory]
    [InlineData("shard-00003.bin")]
    [InlineData("dataset.json")]
    public void The_same_text_again_heals_a_dataset_with_a_changed_byte(string file)
    {
        var path = Path.Combine(directory.Root, Store(100).Sha256, file);
        var bytes = File.ReadAllBytes(path);
        bytes[5] ^= 1;
        File.WriteAllBytes(path, bytes);
        AssertHealed(Store(50));
    }

    [Theory]
    [InlineData("shard-00003.bin")]
    [InlineData("dataset.json")]
    public void The_same_text_again_heals_a_dataset_that_lacks_a_file(string file)
    {
        File.Delete(Path.Combine(directory.Root, Store(100).Sha256, file));
        AssertHealed(Store(50));
    }

    [Fact]
    public void A_dataset_that_cannot_be_read_now_is_not_replaced()
    {
        var path = Path.Combine(directory.Root, Store(100).Sha256, "shard-00003.bin");
        using (new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None))
            Assert.ThrowsAny<IOException>(() => Store(50));
        var stored = Assert.Single(Directory.GetFileSystemEntries(directory.Root));
        using var dataset = directory.Open(Path.GetFileName(stored));
        Assert.Equal(100, dataset.Description.ShardTokens);
    }

    [Theory]
    [InlineData("shard-00003.bin", "is damaged")]
    [InlineData("dataset.json", "is damaged")]
    public void A_changed_byte_is_found_on_opening(string file, string expected)
    {
        var description = Store(100);
        var path = Path.Combine(directory.Root, description.Sha256, file);
        var bytes = File.ReadAllBytes(path);
        bytes[5] ^= 1;
        File.WriteAllBytes(path, bytes);
        var message = Assert.Throws<UserErrorException>(() => directory.Open(description.Sha256)).Message;
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.Contains(file, message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_shard_and_a_missing_dataset_are_named()
    {
        var description = Store(100);
        File.Delete(Path.Combine(directory.Root, description.Sha256, "shard-00001.bin"));
        Assert.Contains("shard-00001.bin", Fault(description.Sha256), StringComparison.Ordinal);
        Assert.Contains("There is no dataset", Fault(new string('0', 64)), StringComparison.Ordinal);
        Assert.Contains("There is no dataset", Fault("../escape"), StringComparison.Ordinal);
    }

    [Fact]
    public void It_is_found_by_what_it_was_made_from_also_when_that_was_several()
    {
        var hashes = "abcd".Select(letter => new string(letter, 64)).ToArray();
        var (first, second) = (new DatasetOrigin(hashes[0]), new DatasetOrigin(hashes[1], hashes[2]));
        var other = new DatasetOrigin(hashes[3]);
        Assert.Null(directory.FindMadeFrom(first));
        var stored = Store(100, first);
        Assert.Equal(stored.Sha256, Store(100, second).Sha256);
        Assert.Equal(stored.Sha256, directory.FindMadeFrom(first));
        Assert.Equal(stored.Sha256, directory.FindMadeFrom(second));
        Assert.Null(directory.FindMadeFrom(other));
        Assert.Null(directory.FindMadeFrom(new DatasetOrigin("../" + hashes[0][3..])));
        Assert.Null(directory.FindMadeFrom(new DatasetOrigin(hashes[1])));
        Assert.Equal([stored.Sha256], directory.List());
    }

    private void AssertHealed(DatasetDescription description)
    {
        Assert.Equal(50, description.ShardTokens);
        Assert.Equal(
            [description.Sha256], Directory.EnumerateFileSystemEntries(directory.Root).Select(Path.GetFileName));
        using var dataset = directory.Open(description.Sha256);
        var read = new ushort[tokens.Length];
        dataset.Read(0, read);
        Assert.Equal(tokens, read);
    }

    private string Fault(string hash) => Assert.Throws<UserErrorException>(() => directory.Open(hash)).Message;

    private DatasetDescription Store(int shardTokens, DatasetOrigin? origin = null)
    {
        using var staging = directory.Begin(shardTokens);
        using var tokenizer = new DatasetTokenizer(staging.Output);
        tokenizer.BeginDocument("numbers");
        foreach (var piece in tokens.Chunk(77))
            tokenizer.Tokens(piece);
        tokenizer.EndArray();
        tokenizer.EndDocument();
        return staging.Publish(tokenizer.Complete(), "a text", origin);
    }
}

using System.Security.Cryptography;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Data.Models.HuggingFace;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Tests.Models.HuggingFace;

public sealed class HubDownloadTests : IAsyncLifetime
{
    private const string Weights = ModelFolder.WeightsFileName;

    private readonly TemporaryFolder folder = new();
    private readonly HubServer server = new();
    private readonly Preset model =
        new("gpt2", new(512, 64, 32, 2, 2), new TrainingDefaults()) { Repository = "openai-community/gpt2" };

    public ValueTask InitializeAsync()
    {
        foreach (var name in new[] { "config.json", Weights })
            server.Files[name] = File.ReadAllBytes(Golden.Path("numerics/" + name));
        foreach (var name in new[] { "vocab.json", "merges.txt" })
        {
            using var built = Gpt2Vocabulary.OpenBuiltIn(name);
            using var bytes = new MemoryStream();
            built.CopyTo(bytes);
            server.Files[name] = bytes.ToArray();
        }

        server.Checksums[Weights] = Convert.ToHexStringLower(SHA256.HashData(server.Files[Weights]));
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        folder.Dispose();
    }

    [Fact]
    public async Task Fetches_a_whole_model()
    {
        var progress = new Recorder();
        await Fetch(progress);
        using var opened = ModelFolder.Open(folder.File("gpt2"));
        Assert.Equal(32, opened.Shape.Width);
        Assert.Equal(["gpt2"], Directory.EnumerateFileSystemEntries(folder.Path).Select(Path.GetFileName));
        Assert.Equal(4, Directory.EnumerateFiles(folder.File("gpt2")).Count());
        var last = progress.Reports[^1];
        Assert.Equal(new HubProgress(Weights, server.Files[Weights].Length, server.Files[Weights].Length), last);
    }

    [Fact]
    public async Task A_broken_transfer_goes_on_from_its_last_byte()
    {
        await FetchUntilWeights();
        server.Breaks.Enqueue(80_000);
        await Fetch();
        Assert.Equal([Weights, $"{Weights} 80000-"], server.Requests.Where(line => line.StartsWith(Weights)));
        Assert.Equal(server.Files[Weights], File.ReadAllBytes(folder.File("gpt2/" + Weights)));
    }

    [Fact]
    public async Task A_later_call_goes_on_too()
    {
        await FetchUntilWeights();
        for (var i = 0; i < 6; i++)
            server.Breaks.Enqueue(i == 0 ? 50_000 : 0);
        await Assert.ThrowsAsync<UserErrorException>(() => Fetch());
        Assert.False(Directory.Exists(folder.File("gpt2")));
        server.Requests.Clear();
        server.Breaks.Clear();
        await Fetch();
        Assert.Equal([$"{Weights} 50000-"], server.Requests);
        Assert.Equal(server.Files[Weights], File.ReadAllBytes(folder.File("gpt2/" + Weights)));
    }

    [Fact]
    public async Task A_file_that_changed_meanwhile_is_fetched_anew()
    {
        await FetchUntilWeights();
        for (var i = 0; i < 6; i++)
            server.Breaks.Enqueue(i == 0 ? 50_000 : 0);
        await Assert.ThrowsAsync<UserErrorException>(() => Fetch());
        server.Breaks.Clear();
        server.Tag = "\"v2\"";
        await Fetch();
        Assert.Equal(server.Files[Weights], File.ReadAllBytes(folder.File("gpt2/" + Weights)));
    }

    [Fact]
    public async Task A_wrong_checksum_is_refused_and_nothing_is_published()
    {
        server.Checksums[Weights] = new string('a', 64);
        var error = await Assert.ThrowsAsync<UserErrorException>(() => Fetch());
        Assert.Contains("checksum", error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder.File("gpt2")));
        Assert.False(File.Exists(folder.File($".gpt2.download/{Weights}.part")));
    }

    [Fact]
    public async Task A_model_that_does_not_open_is_refused_and_nothing_is_kept()
    {
        server.Checksums.Clear();
        server.Files[Weights] = server.Files[Weights][..^1];
        var error = await Assert.ThrowsAsync<UserErrorException>(() => Fetch());
        Assert.Contains("cut short", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Path));
    }

    [Fact]
    public async Task A_file_the_hub_lacks_is_named()
    {
        server.Files.Remove("merges.txt");
        var error = await Assert.ThrowsAsync<UserErrorException>(() => Fetch());
        Assert.Contains("404", error.Message, StringComparison.Ordinal);
        Assert.Contains("openai-community/gpt2/resolve/main/merges.txt", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_network_the_message_names_the_import()
    {
        var closed = server.Address;
        await server.DisposeAsync();
        using var download = new HubDownload(closed, new HastyTime());
        var error = await Assert.ThrowsAsync<UserErrorException>(() => download.FetchAsync(model, folder.File("gpt2")));
        Assert.Contains("model import PATH", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_taken_place_is_refused()
    {
        folder.Write("gpt2/mine", "mine");
        await Assert.ThrowsAsync<UserErrorException>(() => Fetch());
        Assert.Empty(server.Requests);
    }

    private async Task Fetch(IProgress<HubProgress>? progress = null)
    {
        using var download = new HubDownload(server.Address, new HastyTime());
        await download.FetchAsync(model, folder.File("gpt2"), progress);
    }

    // Puts the small files in place, so that a break hits the weights.
    private async Task FetchUntilWeights()
    {
        var weights = server.Files[Weights];
        server.Files.Remove(Weights);
        await Assert.ThrowsAsync<UserErrorException>(() => Fetch());
        server.Files[Weights] = weights;
        server.Requests.Clear();
    }

    private sealed class Recorder : IProgress<HubProgress>
    {
        public List<HubProgress> Reports { get; } = [];

        public void Report(HubProgress value) => Reports.Add(value);
    }

    /// <summary>Lets pauses between attempts pass at once; longer limits stay as they are.</summary>
    private sealed class HastyTime : TimeProvider
    {
        private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            base.CreateTimer(callback, state, IsPause(dueTime) ? TimeSpan.Zero : dueTime, period);

        private static bool IsPause(TimeSpan dueTime) => dueTime > TimeSpan.Zero && dueTime <= LongestPause;
    }
}

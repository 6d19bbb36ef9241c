using System.Security.Cryptography;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Data.Models;
using Gpt2Cluster.Data.Models.Exports;
using Gpt2Cluster.Data.Models.HuggingFace;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Tests.Models.HuggingFace;

public sealed class HubDownloadTests : IAsyncLifetime
{
    private const string Weights = ModelFolder.WeightsFileName;

    private readonly TemporaryFolder folder = new();
    private readonly HubServer server = new();
    private RemoteModel Model => RemoteModel.Parse("gpt2", server.Address) with { Shape = new(512, 64, 32, 2, 2) };

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
        Assert.Equal(5, Directory.EnumerateFiles(folder.File("gpt2")).Count());
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
        Assert.Equal(["README.md", $"{Weights} 50000-"], server.Requests);
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
    public async Task A_model_of_the_hub_comes_in_whatever_files_it_has()
    {
        server.Files.Remove("vocab.json");
        server.Files["pytorch_model.bin"] = File.ReadAllBytes(Golden.Path("pytorch/model-older.bin"));
        server.Files.Remove(Weights);
        var model = RemoteModel.Parse("hf:somebody/poems", server.Address);
        Assert.Equal("somebody--poems", model.Name);
        await Fetch(model, model.Name);
        Assert.Equal([model.Name], Directory.EnumerateFileSystemEntries(folder.Path).Select(Path.GetFileName));
        using var opened = ModelFolder.Open(folder.File(model.Name));
        using var expected = ModelFolder.Open(Golden.Path("numerics"));
        Assert.Equal(ReadAll(expected), ReadAll(opened));
        Assert.True(File.Exists(folder.File(model.Name + "/" + Weights)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_its_card_says_of_its_licence_comes_with_it(bool isTorch)
    {
        server.Files["README.md"] = "---\nlicense: cc-by-sa-4.0\n---\n# Poems\n"u8.ToArray();
        if (isTorch)
        {
            server.Files["pytorch_model.bin"] = File.ReadAllBytes(Golden.Path("pytorch/model-older.bin"));
            server.Files.Remove(Weights);
        }

        var model = RemoteModel.Parse("hf:somebody/poems", server.Address);
        await Fetch(model, model.Name);
        var origin = StoredOrigin.Of(model.Name, folder.File(model.Name));
        Assert.Equal((model.Name, "cc-by-sa-4.0"), (origin.Name, origin.License));
        Assert.Equal(origin.WeightsSha256, RecordedWeights.Verify(folder.File(model.Name), origin));
        Assert.False(File.Exists(folder.File(model.Name + "/README.md")));
    }

    [Fact]
    public async Task Shards_are_fetched_by_their_index()
    {
        server.Files["model.safetensors.index.json"] = System.Text.Encoding.UTF8.GetBytes(
            "{\"weight_map\":{" + string.Join(",", new ParameterLayout(Model.Shape!).Slices.Select(
                slice => $"\"{slice.Name}\":\"model-00001-of-00001.safetensors\"")) + "}}");
        server.Files["model-00001-of-00001.safetensors"] = server.Files[Weights];
        server.Files.Remove(Weights);
        await Fetch();
        Assert.Equal("model-00001-of-00001.safetensors", server.Requests.Last());
        using var opened = ModelFolder.Open(folder.File("gpt2"));
        using var expected = ModelFolder.Open(Golden.Path("numerics"));
        Assert.Equal(ReadAll(expected), ReadAll(opened));
    }

    [Fact]
    public async Task OpenAIs_files_are_fetched_checked_and_stored()
    {
        foreach (var path in Directory.GetFiles(Golden.Path("openai-layout")))
            server.Files[Path.GetFileName(path)] = File.ReadAllBytes(path);
        server.Files["encoder.json"] = server.Files["vocab.json"];
        server.Files["vocab.bpe"] = server.Files["merges.txt"];
        server.Md5 = true;
        Assert.Equal(
            new Uri("https://openaipublic.blob.core.windows.net/gpt-2/models/124M/"),
            RemoteModel.Parse("openai:117M").Folder);
        var model = Model with { Folder = new Uri(server.Address, "stored/gpt-2/124M/"), IsOpenAiLayout = true };
        await Fetch(model, "gpt2");
        using var opened = ModelFolder.Open(folder.File("gpt2"));
        using var expected = ModelFolder.Open(Golden.Path("numerics"));
        Assert.Equal(ReadAll(expected), ReadAll(opened));
        Assert.Equal(["gpt2"], Directory.EnumerateFileSystemEntries(folder.Path).Select(Path.GetFileName));

        server.WrongMd5 = true;
        var error = await Assert.ThrowsAsync<UserErrorException>(() => Fetch(model, "again"));
        Assert.Contains("checksum", error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder.File("again")));
    }

    [Fact]
    public async Task A_token_goes_to_the_hub_and_nowhere_else()
    {
        server.Token = "hf_secret";
        var error = await Assert.ThrowsAsync<UserErrorException>(() => Fetch());
        Assert.Contains("HF_TOKEN", error.Message, StringComparison.Ordinal);
        error = await Assert.ThrowsAsync<UserErrorException>(() => Fetch(Model, "gpt2", token: "hf_other"));
        Assert.Contains("may read it", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hf_other", error.Message, StringComparison.Ordinal);
        await using var store = new HubServer();
        foreach (var (name, content) in server.Files)
            store.Files[name] = content;
        server.Elsewhere = store.Address;
        await Fetch(Model, "gpt2", token: "hf_secret");
        Assert.NotEmpty(store.Requests);
        Assert.False(store.HasSeenToken);
        Assert.True(Directory.Exists(folder.File("gpt2")));
    }

    [Theory]
    [InlineData("hf:gpt2")]
    [InlineData("hf:a/../b")]
    [InlineData("hf:a/b?x=1")]
    [InlineData("openai:9M")]
    [InlineData("llama")]
    public void A_name_that_is_none_is_refused(string name)
    {
        Assert.Throws<UserErrorException>(() => RemoteModel.Parse(name));
        Assert.Equal("gpt2", RemoteModel.Parse("hf:openai-community/gpt2").Name);
    }

    [Fact]
    public async Task Without_a_network_the_message_names_the_import()
    {
        var asked = Model;
        await server.DisposeAsync();
        using var download = new HubDownload(time: new HastyTime());
        var error = await Assert.ThrowsAsync<UserErrorException>(() => download.FetchAsync(asked, folder.File("gpt2")));
        Assert.Contains("model import PATH", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_taken_place_is_refused()
    {
        folder.Write("gpt2/mine", "mine");
        await Assert.ThrowsAsync<UserErrorException>(() => Fetch());
        Assert.Empty(server.Requests);
    }

    private Task Fetch(IProgress<HubProgress>? progress = null) => Fetch(Model, "gpt2", progress);

    private async Task Fetch(
        RemoteModel model, string name, IProgress<HubProgress>? progress = null, string? token = null)
    {
        using var download = new HubDownload(token, new HastyTime());
        await download.FetchAsync(model, folder.File(name), progress);
    }

    private static float[] ReadAll(ModelFolder model)
    {
        var all = new float[model.Layout.Length];
        model.ReadParameters(0, all);
        return all;
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

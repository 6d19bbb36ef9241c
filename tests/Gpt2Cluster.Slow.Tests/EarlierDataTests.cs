using System.Formats.Tar;
using System.IO.Compression;
using System.Text.Json;
using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.Slow.Tests;

/// <summary>
/// A data folder that an earlier version wrote lists, resumes and generates; Goldens/earlier-data/README.txt tells how
/// it was made.
/// </summary>
public sealed class EarlierDataTests
{
    private const int Steps = 6;
    private const int PausedAt = 3;

    /// <summary>
    /// Nats per token. Another processor's order of summation moves the losses of three fp32 steps by a millionth; a
    /// state that is not read right, other windows or other dropout masks move them by hundredths.
    /// </summary>
    private const double LossTolerance = 1e-4;

    private static readonly string Golden = Path.Combine(AppContext.BaseDirectory, "Goldens", "earlier-data");

    private readonly JsonElement expected = Parse(Path.Combine(Golden, "expected.json"));

    [Fact]
    public void It_lists_resumes_and_generates()
    {
        using var folder = new TestFolder();
        Unpack(folder);

        // A run on the earlier model and dataset; submitted, so that one cluster serves all that follows.
        Ok(folder, ["submit", .. Command("again", "--seed", "2")[1..]]);
        AssertLists(folder);
        var again = Training.HashOf(Ok(folder, "watch", "again", "--json"));
        var resumed = AssertGoesOn(folder, "paused", Command("paused", "--seed", "2"));
        // Its checkpoints hold the frozen parameters and their moments too, which later ones do not.
        AssertGoesOn(folder, "layers", Command("layers", "--train", "transformer-layers"));
        // On a processor that computes other bits the losses must do.
        if (Fingerprint(folder, "again") == Text("fingerprint"))
            Assert.All([again, resumed], hash => Assert.Equal(Text("paused", "undisturbed_state_sha256"), hash));

        var written = Ok(
            folder, "generate", "--run", "done", "--temperature", "0", "--length", "8", "--precision", "fp32",
            "--json");
        Assert.Equal(Text("done", "text"), Assert.Single(written.Events("sample")).GetProperty("text").GetString());
        Assert.Empty(Directory.EnumerateDirectories(folder.Path, "*.damaged", SearchOption.AllDirectories));
        Ok(folder, "stop");
        folder.AssertNobodyIsLeft();
    }

    private static void Unpack(TestFolder folder)
    {
        using var file = File.OpenRead(Path.Combine(Golden, "data.tar.gz"));
        using var unpacked = new GZipStream(file, CompressionMode.Decompress);
        TarFile.ExtractToDirectory(unpacked, folder.Path, overwriteFiles: false);
    }

    /// <summary>The command that began the earlier runs: the same goes on with them.</summary>
    private static string[] Command(string run, params string[] more) =>
    [
        "train", Path.Combine(Golden, "text.txt"), "--run", run, "--model", "small", "--steps", $"{Steps}",
        "--batch-size", "1", "--micro-batches", "3", "--learning-rate", "0.02", "--dropout", "0.1",
        "--precision", "fp32", "--threads-per-worker", "1", "--exact", "off", "--save-every", "2", "--keep", "2",
        "--val-every", "3", "--val-split", "0.1", "--sample-every", "3", "--sample-length", "8", "--json", .. more,
    ];

    private static ClientProcess Ok(TestFolder folder, params string[] arguments)
    {
        var client = ClientProcess.Run(folder, arguments);
        Assert.True(client.WaitForExit() == 0, $"{string.Join(' ', arguments)}\n{client.Said}");
        return client;
    }

    private static string? Fingerprint(TestFolder folder, string run) => Parse(Path.Combine(
            folder.Path, "runs", run, "checkpoints", $"{Steps:D8}", "manifest.json"))
        .GetProperty("record").GetProperty("profile").GetProperty("fingerprint").GetString();

    private static JsonElement Parse(string path) => JsonDocument.Parse(File.ReadAllText(path)).RootElement;

    private void AssertLists(TestFolder folder)
    {
        var runs = Ok(folder, "runs", "--json").Output.Split('\n')
            .Select(line => JsonDocument.Parse(line).RootElement)
            .ToDictionary(
                run => run.GetProperty("run").GetString()!,
                run => (run.GetProperty("status").GetString(), run.GetProperty("step").GetInt32()));
        Assert.Equal(("completed", Steps), runs["done"]);
        Assert.Equal(("paused", PausedAt), runs["paused"]);
        Assert.Equal(("paused", PausedAt), runs["layers"]);
        Assert.Contains("403,944", Ok(folder, "model", "list").Output, StringComparison.Ordinal);
        foreach (var (run, step) in new[] { ("done", Steps), ("paused", PausedAt), ("layers", PausedAt) })
        {
            var shown = JsonDocument.Parse(Ok(folder, "show", run, "--json").Output).RootElement;
            var newest = shown.GetProperty("checkpoints")[0];
            Assert.Equal(step, newest.GetProperty("step").GetInt32());
            Assert.Equal(Text(run, "state_sha256"), newest.GetProperty("state_sha256").GetString());
        }
    }

    /// <summary>
    /// It goes on from its pause, not from a step before, with the losses of the run that was not paused.
    /// </summary>
    /// <returns>The state hash at its end.</returns>
    private string AssertGoesOn(TestFolder folder, string run, string[] command)
    {
        var client = Ok(folder, command);
        // Steps that are computed again, as from a checkpoint that was not read, are not told again.
        Assert.Equal(PausedAt, client.Events("membership")[0].GetProperty("step").GetInt32());
        var steps = client.Events("step");
        Assert.Equal(
            Enumerable.Range(PausedAt + 1, Steps - PausedAt),
            steps.Select(step => step.GetProperty("step").GetInt32()));
        var losses = expected.GetProperty(run).GetProperty("undisturbed_losses").EnumerateArray();
        Assert.All(losses.Zip(steps), pair => Assert.Equal(
            pair.First.GetDouble(), pair.Second.GetProperty("loss").GetDouble(), LossTolerance));
        return Training.HashOf(client);
    }

    private string? Text(params string[] path) =>
        path.Aggregate(expected, (element, name) => element.GetProperty(name)).GetString();
}

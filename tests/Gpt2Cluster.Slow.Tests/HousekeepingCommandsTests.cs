using System.Security.Cryptography;
using System.Text.Json;
using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.Slow.Tests;

/// <summary>Runs and models go when people say so, and only then; what nobody names goes by itself.</summary>
public sealed class HousekeepingCommandsTests(Cluster cluster) : IClassFixture<Cluster>
{
    [Fact]
    public void A_run_goes_with_all_that_is_its_own_once_nobody_stands_on_it()
    {
        Train("base", cluster.Model);
        Train("adapters", "run:base", "--train", "lora:2");
        Assert.Contains(
            "The run adapters stands on the checkpoint of step 2 of base",
            cluster.Refused(2, "delete", "base", "--yes"),
            StringComparison.Ordinal);
        Assert.Contains("give --yes", cluster.Refused(2, "delete", "adapters"), StringComparison.Ordinal);
        Assert.True(SizeOf("adapters") > 0);

        var deleted = cluster.Json("delete", "adapters", "--yes");
        Assert.True(deleted.GetProperty("freed_bytes").GetInt64() > 0);
        Assert.Equal(0, deleted.GetProperty("silos_away").GetArrayLength());
        Assert.Contains("base is deleted", cluster.Ok("delete", "base", "--yes").Output, StringComparison.Ordinal);
        Assert.False(Directory.Exists(At("runs/base")));
        foreach (var command in new[] { "show", "samples" })
            Assert.Contains("no run 'base'", cluster.Refused(4, command, "base"), StringComparison.Ordinal);
        Assert.Contains("no run 'base'", cluster.Refused(4, "delete", "base", "--yes"), StringComparison.Ordinal);
        Assert.DoesNotContain("base", cluster.Ok("runs").Output, StringComparison.Ordinal);

        Assert.Equal(2, Train("base", cluster.Model).Events("step").Count);
        Assert.Equal("completed", cluster.Json("show", "base").GetProperty("status").GetString());
        cluster.Ok("delete", "base", "--yes");
    }

    [Fact]
    public void A_model_is_shown_and_goes_once_no_run_needs_it()
    {
        cluster.Ok("model", "import", cluster.Model, "--name", "spare");
        Train("on-spare", "spare", "--train", "lora:2");
        var shown = cluster.Json("model", "show", "spare");
        var weights = At("models/spare/model.safetensors");
        Assert.Equal(
            Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(weights))),
            shown.GetProperty("sha256").GetString());
        Assert.Equal("fp32", shown.GetProperty("dtype").GetString());
        Assert.Equal(
            Directory.EnumerateFiles(At("models/spare")).Sum(file => new FileInfo(file).Length),
            shown.GetProperty("bytes_on_disk").GetInt64());
        var use = Assert.Single(shown.GetProperty("used_by").EnumerateArray());
        Assert.Equal("on-spare", use.GetProperty("run").GetString());
        Assert.True(use.GetProperty("needs_it").GetBoolean());
        Assert.Contains("on-spare (completed)", cluster.Ok("model", "show", "spare").Output, StringComparison.Ordinal);

        Assert.Contains(
            "The run on-spare needs the model spare",
            cluster.Refused(2, "model", "delete", "spare", "--yes"),
            StringComparison.Ordinal);
        Assert.Contains("give --yes", cluster.Refused(2, "model", "delete", "spare"), StringComparison.Ordinal);
        cluster.Ok("delete", "on-spare", "--yes");
        cluster.Ok("model", "delete", "spare", "--yes");
        Assert.False(Directory.Exists(At("models/spare")));
        Assert.True(Directory.Exists(cluster.Model));
        Assert.Contains("no model 'spare'", cluster.Refused(2, "model", "show", "spare"), StringComparison.Ordinal);
        Assert.DoesNotContain("spare", cluster.Ok("model", "list", "--json").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void What_nobody_names_is_listed_and_removed_and_the_rest_stays()
    {
        var before = Datasets();
        var text = cluster.Folder.File("own.txt", File.ReadAllText(Repository.Verses) + "A line of its own.\n");
        Train("own", cluster.Model, text);
        var hash = Assert.Single(Datasets().Except(before));
        AssertAged(hash);
        Assert.Empty(Pruned("--dry-run"));

        cluster.Ok("delete", "own", "--yes");
        AssertAged(hash);
        Assert.Equal([hash], Pruned("--dry-run"));
        Assert.Contains(hash, Datasets());
        Assert.Equal([hash], Pruned());
        Assert.Equal(before, Datasets());
        Assert.Contains("nothing that nobody names", cluster.Ok("prune").Output, StringComparison.Ordinal);
        cluster.Json("show", "told");
    }

    private string At(string path) => Path.Combine(cluster.Folder.Path, path);

    private long SizeOf(string run) => cluster.Ok("runs", "--json").Output.Trim().Split('\n')
        .Select(line => JsonDocument.Parse(line).RootElement)
        .Single(line => line.GetProperty("run").GetString() == run)
        .GetProperty("bytes_on_disk").GetInt64();

    private List<string> Datasets() =>
        [.. Directory.EnumerateDirectories(At("datasets")).Select(path => Path.GetFileName(path)).Order()];

    /// <summary>As if it had been used last two days ago.</summary>
    private void AssertAged(string hash)
    {
        var description = At($"datasets/{hash}/dataset.json");
        Assert.True(File.Exists(description));
        File.SetLastWriteTimeUtc(description, DateTime.UtcNow.AddDays(-2));
    }

    private IEnumerable<string> Pruned(params string[] more) =>
        cluster.Ok(["prune", "--json", .. more]).Output.Trim().Split('\n')
            .Select(line => JsonDocument.Parse(line).RootElement)
            .Where(line => line.TryGetProperty("name", out _))
            .Select(line => line.GetProperty("name").GetString()!);

    private ClientProcess Train(string run, string model, params string[] more)
    {
        var dataset = more.FirstOrDefault(File.Exists) ?? Repository.Verses;
        return cluster.Ok(
        [
            "train", dataset, "--run", run, "--model", model, "--steps", "2", "--batch-size", "1", "--micro-batches",
            "1", "--threads-per-worker", "1", "--precision", "fp32", "--sample-every", "0", "--val-every", "0",
            "--save-every", "0", "--json", .. more.Where(word => word != dataset),
        ]);
    }
}

using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.EndToEnd.Tests;

/// <summary>Two silos started by hand, the second naming the first one's store; clients come and go.</summary>
public sealed class SilosByHandTests
{
    [Fact]
    public async Task A_run_goes_on_without_its_client_and_obeys_another_one()
    {
        using var folder = new TestFolder();
        using var first = SiloProcess.Start(folder, "a", "embedded:0");
        using var second = SiloProcess.Start(folder, "b", first.Store);
        string[] cluster = ["--cluster", $"{first.Gateway},{second.Gateway}"];
        var model = SmallModel.Write(Path.Combine(folder.Path, "model"));

        using var workers = Client(folder, ["workers", "--json", .. cluster]);
        Assert.Contains("a/0", workers.Output, StringComparison.Ordinal);
        Assert.Contains("b/0", workers.Output, StringComparison.Ordinal);

        using var submit = Client(
            folder,
            [
                "submit", Repository.Verses, "--model", model, "--run", "hand", "--steps", "100000", "--batch-size",
                "1", "--micro-batches", "2", "--sample-every", "5", "--sample-length", "8", "--val-every", "0",
                "--threads-per-worker", "1", .. cluster,
            ]);
        Assert.Contains("hand", submit.Output, StringComparison.Ordinal);

        using var watch = ClientProcess.Start(folder, ["watch", "hand", "--json", .. cluster]);
        watch.WaitFor("step", step =>
            step.GetProperty("step").GetInt64() > 5 && step.GetProperty("workers").GetInt32() == 2);
        watch.WaitFor("sample", sample => sample.GetProperty("step").GetInt64() > 0);
        await AssertMetrics(first, second);
        using var samples = Client(folder, ["samples", "hand", "--last", "1", .. cluster]);
        Assert.NotEmpty(samples.Output.Trim());

        using var pause = Client(folder, ["pause", "hand", .. cluster]);
        var paused = watch.WaitFor("end", end => end.GetProperty("status").GetString() == "paused");
        var step = paused.GetProperty("step").GetInt64();

        // A cluster elsewhere: the checkpoint and the model's vocabulary come from its silos, piece by piece.
        var place = Path.Combine(folder.Path, "exported");
        using var export = Client(folder, ["model", "export", "run:hand", place, "--json", .. cluster]);
        Assert.Contains($"\"step\":{step},", export.Output, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateDirectories(folder.Path, ".exported*"));

        using var resume = Client(folder, ["resume", "hand", .. cluster]);
        using var again = ClientProcess.Start(folder, ["watch", "hand", "--json", .. cluster]);
        again.WaitFor("step", found => found.GetProperty("step").GetInt64() > step);
        using var cancel = Client(folder, ["cancel", "hand", .. cluster]);
        again.WaitFor("end", end => end.GetProperty("status").GetString() == "cancelled");
    }

    private static async Task AssertMetrics(params SiloProcess[] silos)
    {
        var scrapes = await Task.WhenAll(silos.Select(silo => silo.Metrics()));
        Assert.Contains("gpt2cluster_run_step{", string.Concat(scrapes), StringComparison.Ordinal);
        Assert.Contains(
            "gpt2cluster_retry_attempts_total{operation=\"store-write\"}",
            string.Concat(scrapes),
            StringComparison.Ordinal);
        Assert.All(scrapes, scrape => Assert.Contains("gpt2cluster_silo_workers", scrape, StringComparison.Ordinal));
    }

    private static ClientProcess Client(TestFolder folder, string[] arguments)
    {
        var client = ClientProcess.Run(folder, arguments);
        Assert.True(client.WaitForExit() == 0, client.Said);
        return client;
    }
}

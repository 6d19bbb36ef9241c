using System.Text.Json;
using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.EndToEnd.Tests.Commands;

/// <summary>What the commands on runs say of a run that is done, and what they refuse.</summary>
[Collection(ToldCollection.Name)]
public sealed class RunCommandsTests(Cluster cluster)
{
    private static readonly string[] SampleFiles = ["samples-2", "samples-4", "samples-6"];

    [Fact]
    public void Runs_show_and_workers_tell_of_it()
    {
        var run = cluster.Ok("runs", "--json").Output.Split('\n')
            .Select(line => JsonDocument.Parse(line).RootElement)
            .Single(line => line.GetProperty("run").GetString() == "told");
        Assert.Equal("completed", run.GetProperty("status").GetString());
        Assert.Equal(Cluster.Steps, run.GetProperty("step").GetInt32());

        var shown = cluster.Json("show", "told");
        var checkpoints = shown.GetProperty("checkpoints").EnumerateArray().ToList();
        Assert.Equal(Cluster.Steps, checkpoints[0].GetProperty("step").GetInt32());
        Assert.Equal(
            cluster.Events.Events("end")[0].GetProperty("state_sha256").GetString(),
            checkpoints[0].GetProperty("state_sha256").GetString());
        Assert.Single(checkpoints, checkpoint => checkpoint.GetProperty("best").GetBoolean());
        Assert.Equal(2, shown.GetProperty("specification").GetProperty("micro_batch_count").GetInt32());

        var worker = cluster.Json("workers");
        Assert.Equal("silo1/0", worker.GetProperty("worker").GetString());
        Assert.Equal(JsonValueKind.Null, worker.GetProperty("run").ValueKind);
        Assert.StartsWith("127.0.0.1:", worker.GetProperty("http").GetString(), StringComparison.Ordinal);
        Assert.Contains("told", cluster.Ok("runs").Output, StringComparison.Ordinal);
        Assert.Contains("completed", cluster.Ok("show", "told").Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_silo_shows_it_as_a_page()
    {
        using var http = new HttpClient();
        var silo = cluster.Json("workers").GetProperty("http").GetString();
        var page = await http.GetStringAsync(new Uri($"http://{silo}/runs/told"));
        Assert.Contains("<th>status<td>completed<", page, StringComparison.Ordinal);
        Assert.Contains($"<th>step<td>{Cluster.Steps} / {Cluster.Steps}<", page, StringComparison.Ordinal);
        Assert.Contains("<h2>Checkpoints</h2>", page, StringComparison.Ordinal);
        Assert.Contains($"after step {Cluster.Steps}</h2>", page, StringComparison.Ordinal);
    }

    [Fact]
    public void Retention_keeps_the_newest_and_the_best_on_the_disk()
    {
        var catalogue = cluster.Json("show", "told").GetProperty("checkpoints").EnumerateArray()
            .Select(checkpoint => checkpoint.GetProperty("step").GetInt64()).Order().ToList();
        var folders = Directory.EnumerateDirectories(Path.Combine(cluster.Folder.Path, "runs", "told", "checkpoints"))
            .Select(folder => long.Parse(Path.GetFileName(folder))).Order().ToList();
        Assert.Equal(catalogue, folders);
        Assert.Equal(Cluster.Steps, catalogue[^1]);
        Assert.InRange(catalogue.Count, 2, 3);
    }

    [Fact]
    public void Samples_are_shown_followed_and_written_as_the_original_tool_names_them()
    {
        Assert.Equal(2, Lines(cluster.Ok("samples", "told", "--last", "2", "--json")));
        Assert.Equal(6, Lines(cluster.Ok("samples", "told", "--follow", "--json")));
        Assert.StartsWith(
            "======== SAMPLE 1 ========", cluster.Ok("samples", "told").Output.TrimStart(), StringComparison.Ordinal);

        var folder = Path.Combine(cluster.Folder.Path, "written");
        cluster.Ok("samples", "told", "--out", folder);
        Assert.Equal(SampleFiles, Directory.EnumerateFiles(folder).Select(Path.GetFileName).Order());
        var written = File.ReadAllText(Path.Combine(folder, "samples-6"));
        Assert.StartsWith("======== SAMPLE 1 ========\n", written, StringComparison.Ordinal);
        Assert.Contains("\n\n======== SAMPLE 2 ========\n", written, StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_that_does_not_exist_is_exit_code_4()
    {
        foreach (var command in new[] { "watch", "show", "samples", "pause", "resume", "cancel" })
            Assert.Contains("no run 'nobody'", cluster.Refused(4, command, "nobody"), StringComparison.Ordinal);
        Assert.Contains("'nobody'", cluster.Refused(4, "generate", "--run", "nobody"), StringComparison.Ordinal);
        Assert.Contains(
            "'nobody'",
            cluster.Refused(4, "train", Repository.Verses, "--run", "new", "--model", "run:nobody"),
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_finished_run_names_the_two_ways_on()
    {
        foreach (var command in new[] { "train", "submit" })
        {
            var sentence = cluster.Refused(2, [command, .. cluster.Told]);
            Assert.Contains("told is completed", sentence, StringComparison.Ordinal);
            Assert.Contains("--run NEW", sentence, StringComparison.Ordinal);
            Assert.Contains("--model run:told", sentence, StringComparison.Ordinal);
        }

        Assert.Contains("is over", cluster.Refused(2, "pause", "told"), StringComparison.Ordinal);
        cluster.Ok(
            "train", Repository.Verses, "--run", "after", "--model", "run:told", "--steps", "1", "--batch-size", "1",
            "--micro-batches", "1", "--threads-per-worker", "1", "--sample-every", "0", "--val-every", "0");
    }

    [Fact]
    public void A_paused_run_goes_on_with_what_it_began_with_only()
    {
        string[] options =
        [
            "--run", "half", "--model", cluster.Model, "--steps", "4", "--batch-size", "1", "--micro-batches", "1",
            "--threads-per-worker", "1", "--sample-every", "0", "--val-every", "0",
        ];
        cluster.Ok(["train", Repository.Verses, .. options, "--pause-at", "2"]);
        var other = cluster.Folder.File("other.txt", File.ReadAllText(Repository.Verses) + "And one more line.\n");

        var changed = cluster.Refused(2, ["train", Repository.Verses, .. options, "--seed", "2"]);
        Assert.Contains("--seed is 1 in the run and 2 in this command", changed, StringComparison.Ordinal);
        var dataset = cluster.Ends(2, ["train", other, .. options, "--quiet"]).Errors;
        Assert.Contains("the dataset is", dataset, StringComparison.Ordinal);
        Assert.Equal(2, cluster.Json("show", "half").GetProperty("step").GetInt32());
        var done = cluster.Ok(["train", Repository.Verses, .. options]).Output;
        Assert.Contains("completed", done, StringComparison.Ordinal);
    }

    [Fact]
    public void A_batch_that_is_to_fit_is_settled_once_and_is_the_runs_own()
    {
        string[] options =
        [
            "--run", "fitted", "--model", cluster.Model, "--steps", "2", "--micro-batches", "64",
            "--threads-per-worker", "1", "--sample-every", "0", "--val-every", "0",
        ];
        string[] auto = ["train", Repository.Verses, .. options, "--batch-size", "auto"];
        var said = cluster.Ok([.. auto, "--pause-at", "1"]).Errors;
        var size = cluster.Json("show", "fitted").GetProperty("specification").GetProperty("batch_size").GetInt32();
        Assert.True(size >= 1);
        Assert.Contains(
            $"--batch-size auto is {size}, so that no step takes a window twice: a worker takes about ",
            said,
            StringComparison.Ordinal);

        var changed = cluster.Refused(
            2, ["train", Repository.Verses, .. options, "--batch-size", $"{size + 1}"]);
        Assert.Contains($"--batch-size is {size} in the run", changed, StringComparison.Ordinal);
        Assert.Contains("completed", cluster.Ok(auto).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_batch_size_is_a_number_or_auto() => Assert.Contains(
        "--batch-size takes a whole number of 1 or more, or auto, not 'large'",
        cluster.Refused(2, "train", Repository.Verses, "--batch-size", "large"),
        StringComparison.Ordinal);

    private static int Lines(ClientProcess client) => client.Output.Trim().Split('\n').Length;
}

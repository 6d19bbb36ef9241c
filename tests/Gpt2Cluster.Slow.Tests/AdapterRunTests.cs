using System.Text.Json;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.EndToEnd.Tests.Processes;
using Gpt2Cluster.Faults.Processes;

namespace Gpt2Cluster.Slow.Tests;

/// <summary>Runs that train adapters: the same promise, and what is made of them.</summary>
public sealed class AdapterRunTests
{
    private const int Steps = 12;

    /// <summary>The step in whose backward pass a silo is killed.</summary>
    private const int KilledAt = 4;

    private const int PausedAt = 8;

    private static readonly TimeSpan StopDeadline = TimeSpan.FromSeconds(120);

    /// <summary>
    /// One run goes through all of it: a silo is killed in the middle of a step, a silo that was never there before
    /// takes its place in that step, the run rests, and goes on with the killed one back beside the two.
    /// </summary>
    [Theory]
    [InlineData("fp32")]
    [InlineData("bf16")]
    public void One_two_and_three_silos_a_kill_a_join_and_a_pause_end_in_the_same_bits(string precision)
    {
        using var folder = new TestFolder();
        var sightings = new Sightings();
        using var listener = new FaultListener(Path.Combine(folder.Path, "faults"), sightings);
        using var first = SiloProcess.Start(folder, "a", "embedded:0");
        string[] Run(string name, params string[] more) => Training.Adapters(
            Steps, ["--run", name, "--precision", precision, "--cluster", first.Gateway, .. more]);
        using var alone = ClientProcess.Start(folder, Run("alone", "--workers", "1"));
        var expected = Training.HashOf(alone);
        AssertSteps(alone, workers: 1, from: 1, to: Steps);

        // The coordinator comes to life while there is only silo a, waits for b, and outlives it. With fewer workers
        // than it is to have the run waits: it comes to the pause only with c.
        using var begun = ClientProcess.Start(folder, Run("run", "--workers", "2", "--pause-at", $"{PausedAt}"));
        begun.WaitFor("submitted", _ => true);
        listener.Arm("b", FaultPoint.Backward, KilledAt, skip: 0);
        using var second = SiloProcess.Start(
            folder, "b", first.Store, [new("GPT2CLUSTER_FAULT_POINTS", listener.Path)], []);
        Assert.True(
            sightings.WaitFor(TimeSpan.Zero, sightings.Now + StopDeadline, seen => seen.IsStopped)?.Step == KilledAt,
            $"Silo b did not stand still in step {KilledAt}.\n{begun.Said}");
        second.Kill();
        using var third = SiloProcess.Start(folder, "c", first.Store);
        Training.HashOf(begun, "paused");
        AssertSteps(begun, workers: 2, from: 1, to: PausedAt);
        Assert.Contains(
            begun.Events("membership"),
            change => change.GetProperty("reason").GetString() == "worker c/0 joined"
                && change.GetProperty("step").GetInt64() == KilledAt - 1);

        listener.Pass("b", FaultPoint.Backward);
        using var again = second.StartAgain(folder);
        using var rest = ClientProcess.Start(folder, Run("run", "--workers", "3"));
        Assert.Equal(expected, Training.HashOf(rest));
        AssertSteps(rest, workers: 3, from: PausedAt + 1, to: Steps);

        foreach (var workers in new[] { 2, 3 })
        {
            using var calm = ClientProcess.Start(folder, Run($"calm{workers}", "--workers", $"{workers}"));
            Assert.Equal(expected, Training.HashOf(calm));
            AssertSteps(calm, workers, from: 1, to: Steps);
        }
    }

    [Fact]
    public void The_checkpoint_is_small_and_its_merged_weights_write_and_go_on()
    {
        using var folder = new TestFolder();
        using var full = ClientProcess.Start(folder, Training.Small(2, "--run", "full"));
        Training.HashOf(full);
        // Adapters on a run's weights: the base is brought from that run's checkpoint.
        using var adapters = ClientProcess.Start(
            folder, From("full", Training.Adapters(4, "--run", "adapters", "--pause-at", "2")));
        Training.HashOf(adapters, "paused");
        using var again = ClientProcess.Start(folder, From("full", Training.Adapters(4, "--run", "adapters")));
        Training.HashOf(again);
        // 0.4 % of the parameters of scratch:tiny.
        Assert.InRange(BytesOf(folder, "adapters", 4), 1, BytesOf(folder, "full", 2) / 50);

        using var text = ClientProcess.Run(
            folder, "generate", "--run", "adapters", "--length", "6", "--temperature", "0");
        Assert.True(text.WaitForExit() == 0, text.Said);
        AssertLeaves(folder);
        using var merged = ClientProcess.Start(folder, From("adapters", Training.Small(2, "--run", "merged")));
        Training.HashOf(merged);
        using var evaluated = ClientProcess.Run(folder, "eval", "--model", "run:adapters", Repository.Verses);
        Assert.True(evaluated.WaitForExit() == 0, evaluated.Said);
    }

    /// <summary>What leaves is merged and writes what the run writes, or is the adapters alone.</summary>
    private static void AssertLeaves(TestFolder folder)
    {
        string[] greedy =
            ["--length", "12", "--temperature", "0", "--precision", "fp32", "--prompt", "The sea", "--quiet"];
        var (whole, apart) = (Path.Combine(folder.Path, "whole"), Path.Combine(folder.Path, "apart"));
        Ok("model", "export", "run:adapters", whole);
        Assert.Equal(
            Ok(["generate", "--run", "adapters", .. greedy]), Ok(["generate", "--model", whole, .. greedy]));
        Ok("model", "export", "run:adapters", apart, "--format", "peft");
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(apart, "adapter_config.json")));
        var configuration = document.RootElement;
        Assert.Equal(4, configuration.GetProperty("r").GetInt32());
        Assert.Equal("run:full", configuration.GetProperty("base_model_name_or_path").GetString());
        Assert.Equal(0.1, configuration.GetProperty("lora_dropout").GetDouble());
        Assert.True(new FileInfo(Path.Combine(apart, "adapter_model.safetensors")).Length < 500_000);

        string Ok(params string[] arguments)
        {
            using var client = ClientProcess.Run(folder, arguments);
            Assert.True(client.WaitForExit() == 0, client.Said);
            return client.Output;
        }
    }

    private static void AssertSteps(ClientProcess client, int workers, int from, int to)
    {
        var steps = client.Events("step");
        Assert.Equal(
            Enumerable.Range(from, to - from + 1).Select(step => (long)step),
            steps.Select(step => step.GetProperty("step").GetInt64()));
        Assert.All(steps, step => Assert.Equal(workers, step.GetProperty("workers").GetInt32()));
    }

    private static string[] From(string run, string[] command)
    {
        command[Array.IndexOf(command, "--model") + 1] = $"run:{run}";
        return command;
    }

    private static long BytesOf(TestFolder folder, string run, int step) => new DirectoryInfo(
        Path.Combine(folder.Path, "runs", run, "checkpoints", $"{step:D8}")).EnumerateFiles().Sum(file => file.Length);
}

using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.Slow.Tests.Faults;

/// <summary>A learning rate that throws the weights out of fp32's range: from step 2 on no loss is finite.</summary>
public sealed class NotFiniteTests
{
    [Fact]
    public void With_stop_the_step_is_not_applied_and_the_run_can_be_resumed()
    {
        using var folder = new TestFolder();
        var first = Failed(folder);
        Assert.Contains(
            "The loss of micro-batch 0 (worker silo1/0), micro-batch 1", first.Reason, StringComparison.Ordinal);
        Assert.Contains("of step 2 is not finite; the step was not applied", first.Reason, StringComparison.Ordinal);
        Assert.Equal(first, Failed(folder));
    }

    [Fact]
    public void With_skip_nothing_changes_and_the_bits_are_those_of_any_number_of_workers()
    {
        using var one = new TestFolder();
        using var two = new TestFolder();
        var hash = Skipped(one, "1");
        Assert.Equal(hash, Skipped(two, "2"));
        foreach (var part in new[] { "parameters", "first-moments", "second-moments" })
            Assert.Equal(FileOf(one, 1, part), FileOf(one, 4, part));
    }

    private static (string Reason, string Hash) Failed(TestFolder folder)
    {
        using var train = ClientProcess.Start(folder, Command());
        Assert.True(train.WaitForExit() == 1, train.Said);
        var end = Assert.Single(train.Events("end"));
        Assert.Equal("failed", end.GetProperty("status").GetString());
        Assert.Equal(1, end.GetProperty("step").GetInt64());
        return (train.Said[train.Said.IndexOf("The loss of", StringComparison.Ordinal)..].Split('"', '\n')[0],
            end.GetProperty("state_sha256").GetString()!);
    }

    private static string Skipped(TestFolder folder, string silos)
    {
        using var train = ClientProcess.Start(folder, Command("--on-nan", "skip", "--silos", silos));
        var hash = Training.HashOf(train);
        var warnings = train.Events("warning").Select(warning => warning.GetProperty("message").GetString()!)
            .Where(message => message.Contains("is not finite", StringComparison.Ordinal)).ToList();
        Assert.Equal(3, warnings.Count);
        Assert.All(
            warnings, message => Assert.EndsWith("the step changes nothing.", message, StringComparison.Ordinal));
        Assert.Equal([1L, 2, 3, 4], train.Events("step").Select(step => step.GetProperty("step").GetInt64()));
        return hash;
    }

    private static string FileOf(TestFolder folder, int step, string part) =>
        Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(Path.Combine(
            folder.Path, "runs", "run1", "checkpoints", $"{step:D8}", $"{part}.safetensors"))));

    private static string[] Command(params string[] more)
    {
        var command = Training.Small(4,
        [
            "--micro-batches", "4", "--learning-rate", "1e30", "--schedule", "constant", "--warmup", "0", "--keep", "9",
            "--clip-norm", "0", .. more,
        ]);
        command[Array.IndexOf(command, "--save-every") + 1] = "1";
        return command;
    }
}

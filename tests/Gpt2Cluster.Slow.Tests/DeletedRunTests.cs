using System.Text.Json;
using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.Slow.Tests;

/// <summary>A run is deleted while a silo that holds a copy of it is away.</summary>
public sealed class DeletedRunTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    /// <summary>
    /// The run of the same name has the same specification, so that what the silo brings back would be taken for its
    /// own checkpoints by all but the life that wrote them.
    /// </summary>
    [Fact]
    public void It_goes_from_a_silo_that_comes_back_and_the_next_run_of_the_name_is_not_hurt()
    {
        using var folder = new TestFolder();
        using var first = SiloProcess.Start(folder, "a", "embedded:0");
        using var second = SiloProcess.Start(folder, "b", first.Store);
        string[] command = Training.Small(4, "--cluster", first.Gateway, "--workers", "1");
        using var train = ClientProcess.Start(folder, command);
        var hash = Training.HashOf(train);
        var (here, there) = (Checkpoints(folder, "a"), Checkpoints(folder, "b"));
        Wait(() => Directory.Exists(Path.Combine(here, "00000004")), "a copy on silo a");
        Wait(() => Directory.Exists(Path.Combine(there, "00000004")), "a copy on silo b");

        second.Kill();
        var deleted = Ok(folder, first, "delete", "run1", "--yes", "--json");
        var answer = JsonDocument.Parse(deleted).RootElement;
        Assert.Equal(["b"], answer.GetProperty("silos_away").EnumerateArray().Select(silo => silo.GetString()));
        Wait(() => !Directory.Exists(here), "silo a to have removed it");
        Assert.True(Directory.Exists(Path.Combine(there, "00000004")));
        Assert.Contains("There are no runs", Ok(folder, first, "runs"), StringComparison.Ordinal);

        using var again = ClientProcess.Start(folder, [.. command, "--pause-at", "2"]);
        Training.HashOf(again, "paused");
        Assert.Equal([1L, 2L], again.Events("step").Select(step => step.GetProperty("step").GetInt64()));

        using var back = second.StartAgain(folder);
        Wait(() => !Directory.Exists(Path.Combine(there, "00000004")), "silo b to have removed it");
        Assert.True(Directory.Exists(Path.Combine(here, "00000002")));
        using var rest = ClientProcess.Start(folder, command);
        Assert.Equal(hash, Training.HashOf(rest));
        Assert.Equal([3L, 4L], rest.Events("step").Select(step => step.GetProperty("step").GetInt64()));
    }

    private static string Checkpoints(TestFolder folder, string silo) =>
        Path.Combine(folder.Path, silo, "runs", "run1", "checkpoints");

    private static string Ok(TestFolder folder, SiloProcess silo, params string[] arguments)
    {
        using var client = ClientProcess.Run(folder, [.. arguments, "--cluster", silo.Gateway]);
        Assert.True(client.WaitForExit() == 0, client.Said);
        return client.Output;
    }

    private static void Wait(Func<bool> isSo, string what)
    {
        if (!SpinWait.SpinUntil(isSo, Deadline))
            throw new TimeoutException($"{Deadline} were not enough for {what}.");
    }
}

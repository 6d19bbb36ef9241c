using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.EndToEnd.Tests;

/// <summary>What is made of a run's checkpoints: text, and other runs.</summary>
public sealed class BaseRunTests
{
    [Fact]
    public void A_run_starts_from_anothers_checkpoint_and_one_that_is_not_there_ends_with_4()
    {
        using var folder = new TestFolder();
        using var train = ClientProcess.Start(folder, Training.Small(2, "--run", "base"));
        var hash = Training.HashOf(train);

        using var text = ClientProcess.Run(folder, "generate", "--run", "base", "--length", "4");
        Assert.True(text.WaitForExit() == 0, text.Said);
        using var missing = ClientProcess.Run(folder, "generate", "--run", "base", "--checkpoint", "999");
        Assert.True(missing.WaitForExit() == 4, missing.Said);
        Assert.Contains("has no checkpoint of step 999", missing.Errors, StringComparison.Ordinal);
        using var nobody = ClientProcess.Run(folder, "generate", "--run", "nobody");
        Assert.True(nobody.WaitForExit() == 4, nobody.Said);

        using var second = ClientProcess.Start(folder, FromBase("second"));
        Assert.NotEqual(hash, Training.HashOf(second));

        Directory.Delete(Path.Combine(folder.Path, "runs", "base", "checkpoints"), recursive: true);
        using var gone = ClientProcess.Run(folder, FromBase("third"));
        Assert.True(gone.WaitForExit() == 1, gone.Said);
        Assert.Contains("The checkpoint of step 2 of the run base cannot be had", gone.Said, StringComparison.Ordinal);
    }

    private static string[] FromBase(string run)
    {
        var command = Training.Small(2, "--run", run);
        command[Array.IndexOf(command, "--model") + 1] = "run:base";
        return command;
    }
}

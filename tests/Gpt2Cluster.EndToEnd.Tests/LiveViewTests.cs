using System.Text.RegularExpressions;
using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.EndToEnd.Tests;

/// <summary>The live view on a pseudo-terminal, which script(1) makes.</summary>
public sealed partial class LiveViewTests
{
    private const int Width = 80;

    [Fact]
    public void A_terminal_shows_progress_the_losses_course_speed_workers_and_the_last_sample()
    {
        using var folder = new TestFolder();
        var model = SmallModel.Write(Path.Combine(folder.Path, "model"));
        using var client = ClientProcess.StartOnTerminal(
            folder, Width, 24, "train", Repository.Verses, "--model", model, "--steps", "12", "--batch-size", "1",
            "--micro-batches", "2", "--threads-per-worker", "1", "--sample-every", "6", "--sample-length", "16",
            "--val-every", "6");

        Assert.True(client.WaitForExit() == 0, client.Said);
        var shown = Escape().Replace(client.Output, "");
        foreach (var part in new[]
            { "━", "step 12/12", "eta 0:0", "▁", "from 10.", "tokens/s", "learning rate", "workers        1",
              "validation", "sample 1 after step 12", "completed after step 12/12" })
            Assert.Contains(part, shown, StringComparison.Ordinal);
        Assert.Contains("\u001b[", client.Output, StringComparison.Ordinal);
        Assert.All(shown.Split('\n', '\r'), line => Assert.InRange(line.Length, 0, Width));
        folder.AssertNobodyIsLeft();
    }

    /// <summary>What moves the cursor and sets colours.</summary>
    [GeneratedRegex(@"\u001b\[[0-9;?]*[A-Za-z]")]
    private static partial Regex Escape();
}

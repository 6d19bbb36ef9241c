using System.Diagnostics;
using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.Slow.Tests;

/// <summary>The README's first command does what the README says.</summary>
public sealed class QuickStartTests
{
    /// <summary>Nats per token that the loss must fall by, at least.</summary>
    private const double Fall = 2.0;

    /// <summary>What the page promises on two cores, after the build.</summary>
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(4);

    [Fact]
    public void The_first_command_learns_the_verses_and_shows_samples()
    {
        using var folder = new TestFolder();
        var watch = Stopwatch.StartNew();
        using var client = ClientProcess.Start(
            folder, "train", Repository.Verses, "--model", "scratch:tiny", "--silos", "2", "--json");
        Assert.True(client.WaitForExit(Deadline) == 0, client.Said);

        var losses = client.Events("step").Select(step => step.GetProperty("loss").GetDouble()).ToList();
        Assert.True(losses[0] - losses[^1] >= Fall, $"The loss fell from {losses[0]} to {losses[^1]}.");
        Assert.True(client.Events("sample").Count >= 3, client.Said);
        Assert.Equal("completed", Assert.Single(client.Events("end")).GetProperty("status").GetString());
        TestContext.Current.SendDiagnosticMessage($"{watch.Elapsed}, loss {losses[0]:0.000} to {losses[^1]:0.000}");
        folder.AssertNobodyIsLeft();
    }
}

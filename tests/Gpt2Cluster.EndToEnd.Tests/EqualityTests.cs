using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.EndToEnd.Tests;

/// <summary>
/// The state hash is a function of the specification alone: here over numbers of silos; every M is among the longer
/// tests.
/// </summary>
public sealed class EqualityTests
{
    [Fact]
    public void One_two_and_three_silos_end_in_the_same_bits()
    {
        var hashes = new List<string>();
        foreach (var silos in new[] { 1, 2, 3 })
        {
            using var folder = new TestFolder();
            using var client = ClientProcess.Start(
                folder, Training.Small(3, "--micro-batches", "5", "--silos", $"{silos}"));
            hashes.Add(Training.HashOf(client));
            folder.AssertNobodyIsLeft();
        }

        Assert.Single(hashes.Distinct());
    }

    [Fact]
    public void Another_seed_ends_in_other_bits()
    {
        using var folder = new TestFolder();
        using var first = ClientProcess.Start(folder, Training.Small(2, "--run", "a"));
        var hash = Training.HashOf(first);
        using var second = ClientProcess.Start(folder, Training.Small(2, "--run", "b", "--seed", "2"));
        Assert.NotEqual(hash, Training.HashOf(second));
    }
}

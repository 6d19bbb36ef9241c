namespace Gpt2Cluster.EndToEnd.Tests.Processes;

/// <summary>Small runs of the quick-start model, the same in every test but for what the test is about.</summary>
internal static class Training
{
    /// <summary>Arguments of a run of a few quick steps with dropout on.</summary>
    public static string[] Small(int steps, params string[] more) =>
    [
        "train", Repository.Verses, "--model", "scratch:tiny", "--json", "--steps", $"{steps}", "--batch-size", "1",
        "--sequence-length", "32", "--dropout", "0.1", "--threads-per-worker", "1", "--sample-every", "0",
        "--val-every", "0", "--save-every", "0", .. more,
    ];

    /// <summary>The same with adapters, in five micro-batches.</summary>
    public static string[] Adapters(int steps, params string[] more) => Small(
        steps, ["--train", "lora:4", "--lora-dropout", "0.1", "--micro-batches", "5", .. more]);

    /// <summary>Runs to the end and gives the state hash.</summary>
    public static string HashOf(ClientProcess client, string status = "completed")
    {
        Assert.True(client.WaitForExit() == 0, client.Said);
        var end = Assert.Single(client.Events("end"));
        Assert.Equal(status, end.GetProperty("status").GetString());
        return end.GetProperty("state_sha256").GetString()!;
    }
}

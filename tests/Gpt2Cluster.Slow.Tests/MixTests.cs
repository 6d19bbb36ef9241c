using System.Text.Json;
using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.Slow.Tests;

/// <summary>
/// <c>--mix</c>: a run on several datasets ends in the same bits on one silo, undisturbed, and on two, of which one is
/// killed before a pause; and it says what it was trained on.
/// </summary>
public sealed class MixTests : IDisposable
{
    /// <summary>So many that a run is not through with them before it is told to pause.</summary>
    private const int Steps = 60;

    private readonly TestFolder calm = new();
    private readonly TestFolder folder = new();

    [Fact]
    public void Two_datasets_end_in_the_same_bits_however_they_are_disturbed()
    {
        var prose = string.Concat(Enumerable.Range(0, 400).Select(line => $"The keeper counts {line} ships.\n"));
        var (first, second) = (folder.File("prose, old.txt", prose), Repository.Verses);
        var command = Command($"{first}=0.75", $"{second}=0.25");
        using var undisturbed = ClientProcess.Start(calm, command);
        var expected = Training.HashOf(undisturbed);
        var validations = Validations(undisturbed);
        Assert.Equal(3, validations.Count);

        using (var silo = SiloProcess.Start(folder, "a", "embedded:0"))
        using (var other = SiloProcess.Start(folder, "b", silo.Store))
        {
            string[] cluster = ["--cluster", silo.Gateway];
            using (var killed = ClientProcess.Start(folder, [.. command, .. cluster]))
            {
                killed.WaitFor("step", step =>
                    step.GetProperty("step").GetInt64() > 2 && step.GetProperty("workers").GetInt32() == 2);
                other.Kill();
                killed.WaitFor("step", step => step.GetProperty("workers").GetInt32() == 1);
                killed.SendInterrupt();
                Assert.True(killed.WaitForExit() == 130, killed.Said);
            }

            AssertRefuses([.. Command($"{first}=2", $"{second}=1"), .. cluster], "--mix is 3 of ");
            AssertRefuses(["train", second, .. Options, .. cluster], "--mix is 3 of ");

            // The same proportions in other numbers are the same run.
            using var resumed = ClientProcess.Start(folder, [.. Command($"{first}=30", $"{second}=10"), .. cluster]);
            Assert.Equal(expected, Training.HashOf(resumed));
            AssertTells(cluster, first, second, validations);
        }

        calm.AssertNobodyIsLeft();
        folder.AssertNobodyIsLeft();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        calm.Dispose();
        folder.Dispose();
    }

    private static string[] Options =>
    [
        "--model", "scratch:tiny", "--json", "--steps", $"{Steps}", "--batch-size", "1", "--micro-batches", "6",
        "--sequence-length", "32", "--dropout", "0.1", "--precision", "fp32", "--threads-per-worker", "1",
        "--sample-every", "0", "--val-every", "20", "--val-split", "0.1", "--save-every", "0",
    ];

    private static string[] Command(params string[] mix) =>
    [
        "train", .. mix.SelectMany(one => new[] { "--mix", $"\"{one.Replace("=", "\"=", StringComparison.Ordinal)}" }),
        .. Options,
    ];

    /// <summary>The losses by step, of a run that was watched from its first event on.</summary>
    private static SortedDictionary<long, double> Validations(ClientProcess client) => new(
        client.Events("validation").ToDictionary(
            one => one.GetProperty("step").GetInt64(), one => one.GetProperty("loss").GetDouble()));

    private void AssertRefuses(string[] command, string sentence)
    {
        using var client = ClientProcess.Run(folder, command);
        Assert.True(client.WaitForExit() == 2, client.Said);
        Assert.Contains(sentence, client.Output, StringComparison.Ordinal);
    }

    /// <summary>
    /// The run's datasets stand in its first event, its settings, its file of options and its record.
    /// </summary>
    private void AssertTells(
        string[] cluster, string first, string second, SortedDictionary<long, double> validations)
    {
        using var watch = Ok(["watch", "run1", "--json", .. cluster]);
        Assert.Equal(validations, Validations(watch));
        var submitted = Assert.Single(watch.Events("submitted"));
        using var show = Ok(["show", "run1", "--json", .. cluster]);
        var dataset = Parse(show.Output).GetProperty("specification").GetProperty("dataset");
        var mix = dataset.GetProperty("mix").EnumerateArray().ToList();
        Assert.Equal([3, 1], mix.Select(one => one.GetProperty("weight").GetInt32()));
        Assert.Equal(dataset.GetProperty("sha256").GetString(), submitted.GetProperty("dataset_sha256").GetString());
        Assert.Equal(
            mix.Sum(one => one.GetProperty("training_token_count").GetInt64()
                + one.GetProperty("validation_token_count").GetInt64()),
            submitted.GetProperty("tokens").GetInt64());

        using var config = Ok(["show", "run1", "--as-config", .. cluster]);
        Assert.Contains($"{second}=1", config.Output, StringComparison.Ordinal);
        Assert.Contains($"\"{first}\"=3", config.Output.Replace("\\\"", "\"", StringComparison.Ordinal));

        using var provenance = Ok(["provenance", "run1", "--json", .. cluster]);
        var sources = Parse(provenance.Output.Split('\n')[0]).GetProperty("datasets").EnumerateArray().ToList();
        Assert.Equal(
            [Path.GetFileName(first), Path.GetFileName(second)],
            sources.Select(one => one.GetProperty("name").GetString()));
        Assert.Equal(
            mix.Select(one => one.GetProperty("sha256").GetString()),
            sources.Select(one => one.GetProperty("sha256").GetString()));
    }

    private ClientProcess Ok(string[] arguments)
    {
        var client = ClientProcess.Run(folder, arguments);
        Assert.True(client.WaitForExit() == 0, $"{string.Join(' ', arguments)}\n{client.Said}");
        return client;
    }

    private static JsonElement Parse(string json) => JsonDocument.Parse(json).RootElement;
}

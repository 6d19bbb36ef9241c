using System.Text.Json;
using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.EndToEnd.Tests.Commands;

/// <summary>The measurements, small, as programs and as people read them.</summary>
[Collection(ToldCollection.Name)]
public sealed class BenchCommandsTests(Cluster cluster)
{
    private const int Floats = 100_000;
    private const int BytesOfFloat = 4;

    /// <summary>Two figures of one measurement that say the same in different units.</summary>
    private const double SameFigure = 1e-6;

    private static readonly string[] SmallStep =
    [
        "bench", "step", "--model", "scratch:tiny", "--batch-size", "2", "--sequence-length", "32", "--steps", "5",
        "--precision", "fp32", "--threads", "1",
    ];

    private static readonly string[] AlwaysBusy = ["blocks_forward", "head", "blocks_backward", "optimizer"];

    [Fact]
    public void A_step_is_timed_and_its_phases_are_parts_of_it()
    {
        const int TokensOfStep = 2 * 32;
        var found = cluster.Json(SmallStep);
        var seconds = Positive(found, "seconds_per_step");
        AssertSame(TokensOfStep / seconds, Positive(found, "tokens_per_second"));
        Positive(found, "matmul_gflops");
        Assert.InRange(Positive(found, "model_flops_utilization"), 0, 1);
        Assert.InRange(Positive(found, "peak_resident_bytes"), 10e6, 100e9);

        // The phases of the same step: the norm, and what lies between, is in none of them.
        var phases = found.GetProperty("phase_seconds").EnumerateObject().ToList();
        Assert.Equal(7, phases.Count);
        Assert.All(phases, phase => Assert.True(phase.Value.GetDouble() >= 0, phase.Name));
        Assert.InRange(phases.Sum(phase => phase.Value.GetDouble()), 0, seconds);
        Assert.All(AlwaysBusy, phase => Positive(found.GetProperty("phase_seconds"), phase));

        AssertSaysTheSame(cluster.Ok(SmallStep).Output, found);
    }

    [Fact]
    public void Generation_is_timed_beside_its_products()
    {
        string[] small = ["bench", "generate", "--model", "scratch:tiny", "--length", "8", "--num", "2"];
        var found = cluster.Json(small);
        foreach (var field in new[] { "tokens_per_second", "products_seconds_per_token", "read_bandwidth_share" })
            Positive(found, field);
        AssertSaysTheSame(cluster.Ok(small).Output, found);

        var sentence = cluster.Refused(2, "bench", "generate", "--model", "scratch:tiny", "--length", "1");
        Assert.Contains("--length takes a whole number of 2 or more", sentence, StringComparison.Ordinal);
        Assert.Contains(
            "--length 2 to 127",
            cluster.Refused(2, "bench", "generate", "--model", "scratch:tiny", "--length", "128"),
            StringComparison.Ordinal);
    }

    [Fact]
    public void An_exchange_starts_its_silos_is_timed_and_leaves_nobody_behind()
    {
        using var folder = new TestFolder();
        using var client = ClientProcess.Run(
            folder, "bench", "exchange", "--silos", "2", "--floats", $"{Floats}", "--rounds", "2", "--json");
        Assert.True(client.WaitForExit() == 0, client.Said);
        AssertExchange(JsonDocument.Parse(client.Output).RootElement, silos: 2);
        folder.AssertNobodyIsLeft();
    }

    [Fact]
    public void An_exchange_needs_the_silos_it_names()
    {
        string[] small = ["bench", "exchange", "--floats", $"{Floats}", "--rounds", "2", "--silos"];
        var found = cluster.Json([.. small, "1"]);
        AssertExchange(found, silos: 1);
        AssertSaysTheSame(cluster.Ok([.. small, "1"]).Output, found);
        var client = cluster.Ends(2, [.. small, "2", "--quiet"]);
        Assert.Contains("--silos 2 cannot be: the cluster has 1", client.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Inspect_measures_the_cluster_for_a_model_of_any_shape()
    {
        var found = cluster.Json(
            "inspect", Repository.Verses, "--model", cluster.Model, "--micro-batches", "4",
            "--threads-per-worker", "1");
        var foreseen = found.GetProperty("cluster");
        Assert.Equal(1, foreseen.GetProperty("fastest_workers").GetInt32());
        Assert.Equal(32, foreseen.GetProperty("sequence_length").GetInt32());
        Assert.Equal(JsonValueKind.Null, foreseen.GetProperty("link_bytes_per_second").ValueKind);
        Assert.Equal(JsonValueKind.Null, foreseen.GetProperty("advice").ValueKind);
        var worker = Assert.Single(foreseen.GetProperty("workers").EnumerateArray());
        var step = Assert.Single(foreseen.GetProperty("steps").EnumerateArray());
        Assert.Equal(0, step.GetProperty("exchanged_bytes").GetDouble());
        AssertSame(
            (4 * Positive(worker, "seconds_per_micro_batch")) + Positive(worker, "update_seconds"),
            Positive(step, "seconds"));
    }

    private static void AssertExchange(JsonElement found, int silos)
    {
        Assert.Equal(silos, found.GetProperty("silos").GetInt32());
        Assert.Equal(Floats, found.GetProperty("floats").GetInt64());
        var seconds = Positive(found, "seconds");
        AssertSame(Floats * BytesOfFloat / seconds / 1e9, Positive(found, "gigabytes_per_second"));
    }

    /// <summary>For people: a line for each number.</summary>
    private static void AssertSaysTheSame(string lines, JsonElement found)
    {
        var names = Numbers(found).ToList();
        var said = lines.Split('\n').Select(line => line.Split(": ")).ToList();
        Assert.Equal(names, said.Select(words => words[0]));
        Assert.All(said, words => Assert.Matches("^[0-9][0-9,.E-]*$", words[1]));
    }

    private static IEnumerable<string> Numbers(JsonElement found, string path = "") =>
        found.EnumerateObject().SelectMany(field =>
        {
            var name = path + field.Name.Replace('_', ' ');
            return field.Value.ValueKind == JsonValueKind.Object ? Numbers(field.Value, name + ", ") : [name];
        });

    private static double Positive(JsonElement found, string field)
    {
        var value = found.GetProperty(field).GetDouble();
        Assert.True(value > 0, $"{field} is {value}");
        return value;
    }

    private static void AssertSame(double expected, double actual) =>
        Assert.InRange(actual / expected, 1 - SameFigure, 1 + SameFigure);
}

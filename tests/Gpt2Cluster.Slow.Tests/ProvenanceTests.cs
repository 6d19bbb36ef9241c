using System.Buffers.Binary;
using System.Text.Json;
using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.Slow.Tests;

/// <summary>Licence, author and hashes from a model to what is made of it, and adapters in and out.</summary>
public sealed class ProvenanceTests : IDisposable
{
    private static readonly string[] Short =
    [
        "--steps", "2", "--batch-size", "1", "--micro-batches", "1", "--threads-per-worker", "1", "--precision", "fp32",
        "--sample-every", "0", "--val-every", "0",
    ];

    private readonly Cluster cluster = new();

    public void Dispose() => cluster.Dispose();

    [Fact]
    public void A_licence_goes_from_a_model_to_its_runs_and_their_exports_unless_another_is_given()
    {
        string[] said = ["--license", "CC-BY-SA-4.0", "--author", "Sappho"];
        cluster.Ok(["model", "import", cluster.Model, "--name", "poet", .. said]);
        var poet = Assert.Single(Chain("poet"));
        AssertIs(poet, "poet", "CC-BY-SA-4.0", isVerified: true);
        Assert.Equal("Sappho", poet.GetProperty("author").GetString());

        // The same command goes on with a run: what it inherits is no difference.
        Train("pupil", "poet", "--pause-at", "1");
        Train("pupil", "poet");
        Train("rebel", "poet", "--license", "MIT");
        AssertIs(Chain("pupil@1")[0], "run:pupil", "CC-BY-SA-4.0", isVerified: true);
        AssertIs(Chain("run:rebel")[0], "run:rebel", "MIT", isVerified: true);
        foreach (var format in new[] { "hf", "openai" })
        {
            var place = Place($"pupil-{format}");
            cluster.Ok("model", "export", "run:pupil", place, "--format", format);
            var chain = Chain(place);
            AssertIs(chain[0], "run:pupil", "CC-BY-SA-4.0", isVerified: true);
            AssertIs(chain[1], "poet", "CC-BY-SA-4.0", isVerified: false);
            Assert.Equal("Sappho", chain[1].GetProperty("author").GetString());
            if (format == "hf")
                AssertIs(Chain(Path.Combine(place, "model.safetensors"))[0], "run:pupil", "CC-BY-SA-4.0", true);
        }

        // What an export brings back goes on, and the whole run is another's base.
        cluster.Ok("model", "import", Place("pupil-openai"), "--name", "grown");
        AssertIs(Chain("grown")[0], "run:pupil", "CC-BY-SA-4.0", isVerified: true);
        Train("heir", "run:pupil");
        AssertIs(Chain("heir")[0], "run:heir", "CC-BY-SA-4.0", isVerified: true);
    }

    [Fact]
    public void Adapters_of_a_run_leave_come_back_with_the_model_they_name_and_leave_again()
    {
        cluster.Ok("model", "import", cluster.Model, "--name", "under", "--license", "MIT");
        Train("adapters", "under", "--train", "lora:2", "--learning-rate", "0.1");
        cluster.Ok("model", "export", "run:adapters", Place("peft"), "--format", "peft");
        Assert.Equal(
            "adapted",
            cluster.Json("model", "import", Place("peft"), "--name", "adapted").GetProperty("model").GetString());
        string[] greedy = ["--temperature", "0", "--precision", "fp32", "--length", "20", "--quiet"];
        var text = cluster.Ok(["generate", "--run", "adapters", .. greedy]).Output;
        Assert.Equal(text, cluster.Ok(["generate", "--model", "adapted", .. greedy]).Output);
        Assert.NotEqual(text, cluster.Ok(["generate", "--model", "under", .. greedy]).Output);
        var chain = Chain("adapted");
        AssertIs(chain[0], "run:adapters", "MIT", isVerified: true);
        Assert.Equal("under", chain[1].GetProperty("name").GetString());

        cluster.Ok("model", "export", "adapted", Place("peft-again"), "--format", "peft");
        AssertIs(Chain(Place("peft-again"))[0], "run:adapters", "MIT", isVerified: true);
        Assert.Equal(
            File.ReadAllBytes(Path.Combine(Place("peft"), "adapter_config.json")),
            File.ReadAllBytes(Path.Combine(Place("peft-again"), "adapter_config.json")));
        Assert.Equal(Tensors(Place("peft")), Tensors(Place("peft-again")));
        AssertBaseIsLookedFor();
    }

    private void AssertBaseIsLookedFor()
    {
        Assert.Contains(
            "were trained on under with the hash",
            cluster.Refused(2, "model", "import", Place("peft"), "--name", "x", "--base", "run:told"),
            StringComparison.Ordinal);
        Assert.Contains(
            "There is no model 'nowhere'",
            cluster.Refused(2, "model", "import", Place("peft"), "--name", "x", "--base", "nowhere"),
            StringComparison.Ordinal);
        var configuration = Path.Combine(Place("peft"), "adapter_config.json");
        var text = File.ReadAllText(configuration);
        File.WriteAllText(configuration, text.Replace("\"under\"", "\"./under\"", StringComparison.Ordinal));
        Assert.Contains(
            "names ./under as base_model_name_or_path, which is not in the store and cannot be fetched",
            cluster.Refused(2, "model", "import", Place("peft"), "--name", "x"),
            StringComparison.Ordinal);
        Assert.Contains(
            "'model import ADAPTER --base MODEL'",
            cluster.Refused(2, "eval", "--model", Place("peft"), Repository.Verses),
            StringComparison.Ordinal);
        Assert.Contains(
            "--base goes with a folder of adapters",
            cluster.Refused(2, "model", "import", cluster.Model, "--base", "under"),
            StringComparison.Ordinal);
        Assert.DoesNotContain("\"x\"", cluster.Ok("model", "list", "--json").Output, StringComparison.Ordinal);
    }

    /// <summary>What a file of adapters holds behind its head, which names where it comes from.</summary>
    private static byte[] Tensors(string folder)
    {
        var file = File.ReadAllBytes(Path.Combine(folder, "adapter_model.safetensors"));
        return file[(sizeof(ulong) + (int)BinaryPrimitives.ReadUInt64LittleEndian(file))..];
    }

    private static void AssertIs(JsonElement origin, string name, string license, bool isVerified)
    {
        Assert.Equal(name, origin.GetProperty("name").GetString());
        Assert.Equal(license, origin.GetProperty("license").GetString());
        Assert.Equal(isVerified, origin.GetProperty("verified").GetBoolean());
    }

    private void Train(string run, string model, params string[] more) =>
        cluster.Ok(["train", Repository.Verses, "--run", run, "--model", model, .. Short, .. more]);

    private List<JsonElement> Chain(string what) =>
    [
        .. cluster.Ok("provenance", what, "--json").Output.Trim().Split('\n')
            .Select(line => JsonDocument.Parse(line).RootElement),
    ];

    private string Place(string name) => Path.Combine(cluster.Folder.Path, $"out-{name}");
}

using System.Text.Json;
using System.Text.Json.Nodes;
using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Provenance;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Core.Tests.Runs;
using Gpt2Cluster.Core.Tests.Specification;

namespace Gpt2Cluster.Core.Tests;

/// <summary>
/// What a newer version has stored is read by this one, and is stored again with all that is not known.
/// </summary>
public sealed class StoredRecordTests
{
    private const string OfTomorrow = "of_tomorrow";

    private static readonly RunSpecification Settings = Specifications.Mixed with
    {
        Lora = new LoraOptions { Rank = 2, Alpha = 4 },
        Sampling = Specifications.Sound.Sampling with { MorePrompts = [new("two", [4])] },
    };

    private static readonly RunRecord Record = new()
    {
        Specification = Settings,
        Profile = Profiles.Cpu,
        Devices = new ServingDevices(DeviceKind.Cpu, "AVX2"),
        BestValidation = new ValidationPoint(4, 3.5),
        LastValidation = new ValidationPoint(6, 3.75),
        Checkpoints = [new CheckpointEntry(4, "ab", "a".Silo(), "/c/4",
            3.5) { Copies = [new CheckpointHolder("b".Silo(), "disk")] }],
        Holds = [new CheckpointHold(4, "run2".Run())],
    };

    private static readonly CheckpointManifest Manifest = new()
    {
        Step = 4,
        StateHash = StateHash.Combine(4, [], [], [], null),
        ParameterPieces = "",
        FirstMomentPieces = "",
        SecondMomentPieces = "",
        Files = [new CheckpointFile("parameters.safetensors", 8, "ab")],
        Record = Record with { Specification = Settings with { Trainable = TrainableParameters.Lora } },
    };

    private static readonly Origin Origin = new()
    {
        Name = "run1",
        Settings = Settings,
        Datasets = [new DatasetOrigin("ab", "verses", "training")],
        Base = new Origin { Name = "gpt2" },
    };

    [Fact]
    public void What_a_newer_version_has_stored_of_a_run_is_kept() =>
        AssertKept(Record, json => Written(JsonSerializer.Deserialize<RunRecord>(json, SpecificationJson.Options)! with
        {
            CommittedStep = Record.CommittedStep,
        }));

    [Fact]
    public void A_disk_whose_silo_nobody_named_keeps_its_empty_text()
    {
        const string stored = "{\"silo\":\"\",\"data_folder_id\":\"disk\"}";
        var holder = JsonSerializer.Deserialize<CheckpointHolder>(stored, SpecificationJson.Options)!;
        Assert.Null(holder.Silo);
        Assert.Equal(stored, JsonSerializer.Serialize(holder, SpecificationJson.Options));
    }

    [Fact]
    public void What_a_newer_version_has_asked_for_is_kept() =>
        AssertKept(Settings, json => SpecificationJson.Write(SpecificationJson.Read(json)));

    [Fact]
    public void What_a_newer_version_has_noted_of_a_model_is_kept() =>
        Assert.Equal(
            With(JsonNode.Parse(Origin.Write())!).ToJsonString(),
            JsonNode.Parse(Origin.Read(With(JsonNode.Parse(Origin.Write())!).ToJsonString())!.Write())!.ToJsonString());

    /// <summary>Its checksum is over the text, so that a newer version's manifest is sound to this one.</summary>
    [Fact]
    public void What_a_newer_version_has_written_beside_a_checkpoint_is_kept()
    {
        var json = With(JsonNode.Parse(Written(Manifest))!).ToJsonString();
        var newer = JsonSerializer.Deserialize<CheckpointManifest>(json, SpecificationJson.Options)!.Write();
        Assert.Equal(CountOf(json), CountOf(newer));
        Assert.Equal(newer, CheckpointManifest.Read(newer).Write());

        static int CountOf(string text) => text.Split(OfTomorrow).Length;
    }

    /// <summary>Without a checksum nobody newer has written it: a letter of a name was struck.</summary>
    [Fact]
    public void A_manifest_without_a_checksum_that_says_something_unknown_is_damaged()
    {
        var json = JsonNode.Parse(Written(Manifest))!.AsObject();
        json.Remove("checksum");
        Assert.Equal(4, CheckpointManifest.Read(json.ToJsonString()).Step);
        json["record"]!["specification"]!["optimizer"]!.AsObject().Add("betb2", 0.5);
        Assert.Throws<InvalidDataException>(() => CheckpointManifest.Read(json.ToJsonString()));
    }

    /// <summary>Whoever ignores an option computes other bits.</summary>
    [Fact]
    public void A_specification_that_says_more_than_is_known_is_kept_but_not_run()
    {
        var json = JsonNode.Parse(Written(Settings))!.AsObject();
        json.Add("ema", 0.99);
        json["optimizer"]!.AsObject().Add("nesterov", true);
        var newer = SpecificationJson.Read(json.ToJsonString());
        Assert.Equal(["ema", "optimizer.nesterov"], newer.UnknownPaths().Order(StringComparer.Ordinal));
        var refusal = $"The specification of {Settings.Run} comes from a newer version, which knows ema, "
            + "optimizer.nesterov; run that version on every silo and client.";
        Assert.Contains(refusal, SpecificationCheck.Errors(newer));
        Assert.Equal(
            refusal, Assert.Throws<UserErrorException>(() => SpecificationCheck.RefuseUnknown(newer)).Message);
        SpecificationCheck.RefuseUnknown(Settings);

        // Two versions of an unknown option differ in a sentence too.
        json["ema"] = 0.9;
        Assert.Contains(
            "ema is 0.99 in the run and 0.9 in this command.",
            SpecificationDifferences.Between(newer, SpecificationJson.Read(json.ToJsonString())));
    }

    [Fact]
    public void What_is_not_known_makes_no_difference()
    {
        var json = With(JsonNode.Parse(Written(Profiles.Cpu))!).ToJsonString();
        var read = JsonSerializer.Deserialize<Ports.ComputeProfile>(json, SpecificationJson.Options)!;
        Assert.NotNull(read.Unknown);
        Assert.Equal(Profiles.Cpu, read);
        Assert.Equal(Profiles.Cpu.GetHashCode(), read.GetHashCode());
    }

    private static void AssertKept<T>(T value, Func<string, string> again)
    {
        var newer = With(JsonNode.Parse(Written(value))!).ToJsonString();
        Assert.Equal(newer, JsonNode.Parse(again(newer))!.ToJsonString());
    }

    private static string Written<T>(T value) => JsonSerializer.Serialize(value, SpecificationJson.Options);

    /// <summary>A member that this version does not know, in every object there is.</summary>
    private static JsonNode With(JsonNode node)
    {
        switch (node)
        {
            case JsonObject parent:
                foreach (var child in parent.Select(member => member.Value).OfType<JsonNode>())
                    With(child);
                parent.Add(OfTomorrow, new JsonArray(1.5, "two"));
                break;
            case JsonArray list:
                foreach (var child in list.OfType<JsonNode>())
                    With(child);
                break;
            default:
                break;
        }

        return node;
    }
}

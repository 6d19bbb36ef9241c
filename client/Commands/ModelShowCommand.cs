using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Client.Models;
using Gpt2Cluster.Client.Output;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Models;
using Gpt2Cluster.Core.Provenance;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Data.Models;
using Gpt2Cluster.Data.Models.HuggingFace;

namespace Gpt2Cluster.Client.Commands;

/// <summary><c>model show M</c>: one model of the store in full.</summary>
internal sealed class ModelShowCommand : ClientCommand
{
    private readonly Argument<string> model = new("MODEL") { Description = "its name in the store" };

    /// <summary>Makes the command.</summary>
    public ModelShowCommand()
        : base("show", "Shows one model of the store in full.", "model show gpt2") => Arguments.Add(model);

    /// <inheritdoc/>
    public override async Task<int> Run(CommandContext context, CancellationToken cancellation)
    {
        var name = StoredModels.NameOf(context, context.Arguments.GetRequiredValue(model));
        await using var session = await ClusterSession.Open(context, cancellation);
        var models = await StoredModels.All(session, cancellation);
        var stored = models.FirstOrDefault(one => one.Name == name) ?? throw StoredModels.Missing(name);
        var store = session.Grains.Store(stored.Silos[0]);
        var shown = await session.Patience.Call(() => store.ShowModel(name), cancellation)
            ?? throw StoredModels.Missing(name);
        context.Output.WriteMessage($"reading the weights of {name}");
        var sha256 = await Hash(session, store, $"models/{name}/{ModelFolder.WeightsFileName}", cancellation);
        var uses = await ModelUses.Of(session, name, cancellation);
        var facts = Json(stored, shown, sha256, shown.Origin ?? StoredOrigin.Of(name, null, sha256), uses);
        context.Output.Json(facts);
        context.Output.Table(["", name], [.. Rows(facts)]);
        return ExitCodes.Done;
    }

    private static async Task<string?> Hash(
        ClusterSession session, IModelStore store, string path, CancellationToken cancellation)
    {
        while (true)
        {
            var answer = await session.Patience.Call(() => store.Hash(path), cancellation);
            if (answer.IsDone)
                return answer.Sha256;
        }
    }

    private static JsonObject Json(
        ModelInStore stored, ModelOnDisk shown, string? sha256, Origin origin, IReadOnlyList<ModelUse> uses)
    {
        var shape = JsonSerializer.SerializeToNode(stored.Shape, SpecificationJson.Options)!.AsObject();
        return new JsonObject
        {
            ["model"] = stored.Name,
            ["form"] = "hf",
            ["parameters"] = stored.ParameterCount,
            ["shape"] = shape,
            ["vocabulary"] = shown.HasVocabulary ? "its own files" : "GPT-2's",
            ["dtype"] = shown.WeightType,
            ["bytes"] = stored.Bytes,
            ["bytes_on_disk"] = stored.BytesOnDisk,
            ["sha256"] = sha256,
            ["license"] = origin.EffectiveLicense,
            ["author"] = origin.Author,
            ["origin"] = string.Join(" < ", origin.Chain().Select(one => one.Name)),
            ["silos"] = new JsonArray([.. stored.Silos.Select(silo => JsonValue.Create(silo))]),
            ["files"] = new JsonArray([.. shown.Files.Select(file =>
                JsonValue.Create(file.RelativePath[(file.RelativePath.LastIndexOf('/') + 1)..]))]),
            ["used_by"] = new JsonArray([.. uses.Select(use => new JsonObject
            {
                ["run"] = use.Name,
                ["status"] = use.Status,
                ["needs_it"] = Deletion.NeedsModel(use.Facts, stored.Name),
            })]),
        };
    }

    private static IEnumerable<string[]> Rows(JsonObject facts)
    {
        foreach (var (name, value) in facts.Skip(1))
        {
            if (value is JsonObject shape)
            {
                foreach (var (part, number) in shape)
                    yield return [part.Replace('_', ' '), Words(part, number)];
            }
            else
            {
                yield return [name.Replace('_', ' '), Words(name, value)];
            }
        }
    }

    private static string Words(string name, JsonNode? value) => (name, value) switch
    {
        (_, null) => "-",
        ("form", _) => "Hugging Face folder",
        ("bytes" or "bytes_on_disk", _) => Formats.Bytes(value.GetValue<long>()),
        ("parameters", _) => Formats.Count(value.GetValue<long>()),
        ("used_by", JsonArray { Count: > 0 } runs) =>
            string.Join(", ", runs.Select(run => $"{run!["run"]} ({run["status"]})")),
        (_, JsonArray { Count: 0 }) => "-",
        (_, JsonArray list) => string.Join(", ", list.Select(entry => entry!.ToString())),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "-",
    };
}

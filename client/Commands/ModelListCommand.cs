using System.Text.Json;
using System.Text.Json.Nodes;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Client.Models;
using Gpt2Cluster.Client.Output;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Client.Commands;

/// <summary><c>model list</c>: the models in the store.</summary>
internal sealed class ModelListCommand() : ClientCommand("list", "Lists the models in the store.", "model list")
{
    private static readonly string[] Headers = ["model", "parameters", "size", "on disk", "silos"];

    /// <inheritdoc/>
    public override async Task<int> Run(CommandContext context, CancellationToken cancellation)
    {
        await using var session = await ClusterSession.Open(context, cancellation);
        var models = await StoredModels.All(session, cancellation);
        foreach (var model in models)
        {
            context.Output.Json(new JsonObject
            {
                ["model"] = model.Name,
                ["parameters"] = model.ParameterCount,
                ["bytes"] = model.Bytes,
                ["bytes_on_disk"] = model.BytesOnDisk,
                ["silos"] = new JsonArray([.. model.Silos.Select(silo => JsonValue.Create(silo.ToString()))]),
                ["shape"] = JsonSerializer.SerializeToNode(model.Shape, SpecificationJson.Options),
            });
        }

        if (models.Count == 0)
            context.Output.Result("The store has no models; 'model pull gpt2' or 'model import FOLDER' brings one.");
        else
            context.Output.Table(Headers, [.. models.Select(Row)]);
        return ExitCodes.Done;
    }

    private static string[] Row(ModelInStore model) =>
    [
        model.Name,
        Formats.Count(model.ParameterCount),
        Formats.Bytes(model.Bytes),
        Formats.Bytes(model.BytesOnDisk),
        string.Join(", ", model.Silos),
    ];
}

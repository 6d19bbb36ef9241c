using System.CommandLine;
using System.Text.Json.Nodes;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Client.Models;
using Gpt2Cluster.Client.Output;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Runs;

namespace Gpt2Cluster.Client.Commands;

/// <summary><c>model delete M</c>: takes a model out of the store.</summary>
internal sealed class ModelDeleteCommand : ClientCommand
{
    private readonly Argument<string> model = new("MODEL") { Description = "its name in the store" };
    private readonly Confirmation confirmation = new();

    /// <summary>Makes the command.</summary>
    public ModelDeleteCommand()
        : base("delete", "Takes a model out of the store.", "model delete mine --yes")
    {
        Arguments.Add(model);
        Options.Add(confirmation.Yes);
    }

    /// <inheritdoc/>
    public override string Remarks =>
        "Only the store's copy goes, never a folder of yours. A model that a run needs to go on, or beside the "
        + "parameters that it trained, is refused until that run is deleted.";

    /// <inheritdoc/>
    public override async Task<int> Run(CommandContext context, CancellationToken cancellation)
    {
        var name = StoredModels.NameOf(context, context.Arguments.GetRequiredValue(model));
        confirmation.Check(context, $"Deleting the model {name}");
        await using var session = await ClusterSession.Open(context, cancellation);
        var holders = await Holders(session, name, cancellation);
        if (holders.Count == 0)
            throw StoredModels.Missing(name);
        await CheckThatNobodyNeedsIt(session, name, cancellation);
        var question = $"Delete the model {name} from the store of {Formats.Several(holders.Count, "silo")} for good?";
        if (!await confirmation.Ask(context, question, cancellation))
        {
            context.Output.Result("Nothing was deleted.");
            return ExitCodes.Done;
        }

        // A run may have been submitted while people were asked.
        await CheckThatNobodyNeedsIt(session, name, cancellation);
        var bytes = 0L;
        foreach (var silo in holders)
            bytes += await Remove(session, silo, name, cancellation);
        context.Output.Result($"{name} is deleted; {Formats.Bytes(bytes)} were freed");
        context.Output.Json(new JsonObject { ["model"] = name, ["deleted"] = true, ["freed_bytes"] = bytes });
        return ExitCodes.Done;
    }

    /// <summary>The silos that have a folder of that name, sound or not.</summary>
    private static async Task<IReadOnlyList<SiloName>> Holders(
        ClusterSession session, string name, CancellationToken cancellation)
    {
        var holders = new List<SiloName>();
        foreach (var silo in await session.Silos(cancellation))
        {
            var store = session.Grains.Store(silo.Name);
            if ((await session.Retries.Call(() => store.Files($"models/{name}"), cancellation)).Length > 0)
                holders.Add(silo.Name);
        }

        return holders;
    }

    private static async Task CheckThatNobodyNeedsIt(
        ClusterSession session, string name, CancellationToken cancellation)
    {
        foreach (var run in await ModelUses.Of(session, name, cancellation))
        {
            if (Deletion.NeedsModel(run.Facts, name))
            {
                throw new UserErrorException(
                    $"The run {run.Name} needs the model {name}; 'delete {run.Name}' goes first.");
            }
        }
    }

    private static async Task<long> Remove(
        ClusterSession session, SiloName silo, string name, CancellationToken cancellation)
    {
        var store = session.Grains.Store(silo);
        var answer = await session.Retries.UntilDone(
            () => store.RemoveModel(name),
            each => each.IsDone || each.Refusal is not null || each.Failure is not null,
            cancellation);
        if (answer.Refusal is { } refusal)
            throw new UserErrorException(refusal);
        return answer.Failure is { } failure ? throw new ClientException(ExitCodes.Failed, failure) : answer.Bytes;
    }
}

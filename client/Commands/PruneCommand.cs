using System.CommandLine;
using System.Text.Json.Nodes;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Client.Output;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Models;
using Gpt2Cluster.Core.Names;

namespace Gpt2Cluster.Client.Commands;

/// <summary><c>prune</c>: removes what nobody names any more.</summary>
internal sealed class PruneCommand : ClientCommand
{
    private static readonly string[] Headers = ["what", "name", "silo", "size"];

    private readonly Option<bool> dryRun = Values.Flag("--dry-run", "only says what would be removed");

    /// <summary>Makes the command.</summary>
    public PruneCommand()
        : base("prune", "Removes what nobody names any more from the disks of the silos.", "prune --dry-run") =>
        Options.Add(dryRun);

    /// <inheritdoc/>
    public override string Remarks =>
        "Uploads and datasets that no run names and nobody used for an hour, checkpoints of deleted runs, folders that "
        + "were never finished, downloads of seven days ago. Models stay, and so do checkpoints whose run the cluster "
        + "does not know: the run goes on from them. Silos do the same by themselves after the time that doctor tells.";

    /// <inheritdoc/>
    public override async Task<int> Run(CommandContext context, CancellationToken cancellation)
    {
        var isDryRun = context.Arguments.GetValue(dryRun);
        await using var session = await ClusterSession.Open(context, cancellation);
        var folders = (await session.Silos(cancellation)).DistinctBy(silo => silo.DataFolderId).ToList();
        var answers = await Task.WhenAll(folders.Select(silo => Prune(session, silo.Name, isDryRun, cancellation)));
        var found = folders.Zip(answers)
            .SelectMany(pair => pair.Second.Things.Select(thing => (Silo: pair.First.Name, Thing: thing)))
            .ToList();
        foreach (var (silo, thing) in found)
            context.Output.Json(Json(silo, thing));
        var bytes = found.Sum(each => each.Thing.Bytes);
        context.Output.Json(new JsonObject
        {
            ["things"] = found.Count,
            ["bytes"] = bytes,
            ["removed"] = !isDryRun,
        });
        if (found.Count > 0)
            context.Output.Table(Headers, [.. found.Select(each => Row(each.Silo, each.Thing))]);
        context.Output.Result(Words(found.Count, bytes, isDryRun));
        return Failures(context.Output, answers) ? ExitCodes.Failed : ExitCodes.Done;
    }

    private static bool Failures(ClientOutput output, IEnumerable<PruneAnswer> answers)
    {
        var failures = answers.Select(answer => answer.Failure).OfType<string>().ToList();
        failures.ForEach(output.Warn);
        return failures.Count > 0;
    }

    private static string Words(int count, long bytes, bool isDryRun)
    {
        if (count == 0)
            return "There is nothing that nobody names.";
        var done = isDryRun ? "would be removed" : count == 1 ? "was removed" : "were removed";
        return $"{Formats.Several(count, "thing")} of {Formats.Bytes(bytes)} {done}";
    }

    private static Task<PruneAnswer> Prune(
        ClusterSession session, SiloName silo, bool isDryRun, CancellationToken cancellation)
    {
        var store = session.Grains.Store(silo);
        return session.Retries.UntilDone(() => store.Prune(isDryRun), answer => answer.IsDone, cancellation);
    }

    private static JsonObject Json(SiloName silo, PrunedThing thing) => new()
    {
        ["what"] = Word(thing),
        ["name"] = thing.Name,
        ["path"] = thing.Path,
        ["silo"] = silo.ToString(),
        ["bytes"] = thing.Bytes,
    };

    private static string[] Row(SiloName silo, PrunedThing thing) =>
        [Word(thing), thing.Name, silo.ToString(), Formats.Bytes(thing.Bytes)];

    private static string Word(PrunedThing thing) => thing.Kind.ToString().ToLowerInvariant();
}

using System.Globalization;
using System.Text.Json.Nodes;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Core.Devices;

namespace Gpt2Cluster.Client.Commands;

/// <summary><c>workers</c>: the workers and what they serve.</summary>
internal sealed class WorkersCommand()
    : ClientCommand("workers", "Lists the workers and the runs they serve.", "workers --json")
{
    private static readonly string[] Headers = ["worker", "device", "name", "cores", "machine", "run", "pages"];

    /// <inheritdoc/>
    public override async Task<int> Run(CommandContext context, CancellationToken cancellation)
    {
        await using var session = await ClusterSession.Open(context, cancellation);
        var silos = await session.Silos(cancellation);
        var workers = silos.SelectMany(silo => silo.Workers.Select(worker => (Silo: silo, Worker: worker))).ToList();
        foreach (var (silo, worker) in workers)
        {
            context.Output.Json(new JsonObject
            {
                ["worker"] = worker.Key.ToString(),
                ["silo"] = silo.Name.ToString(),
                ["device"] = worker.Kind.Word(),
                ["name"] = worker.Name,
                ["cores"] = worker.Cores,
                ["machine"] = silo.MachineName,
                ["http"] = silo.HttpAddress,
                ["run"] = worker.Run?.ToString(),
                ["leaving"] = silo.IsLeaving ? "its silo stops" : worker.Leaving,
            });
        }

        context.Output.Table(Headers,
        [
            .. workers.Select(pair => new[]
            {
                pair.Worker.Key.ToString(), pair.Worker.Kind.Word(), pair.Worker.Name,
                pair.Worker.Cores.ToString(CultureInfo.InvariantCulture), pair.Silo.MachineName,
                Serves(pair.Silo, pair.Worker), $"http://{pair.Silo.HttpAddress}/",
            }),
        ]);
        return ExitCodes.Done;
    }

    /// <summary>The run, and why it is to let the worker go.</summary>
    private static string Serves(SiloDescription silo, WorkerDescription worker)
    {
        var leaving = silo.IsLeaving ? "its silo stops" : worker.Leaving;
        return (worker.Run?.ToString() ?? "-") + (leaving is null ? "" : $" ({leaving})");
    }
}

using System.CommandLine;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Client.Jobs;
using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Contracts.Jobs;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Client.Commands;

/// <summary><c>bench exchange</c>: the speed of averaging between silos.</summary>
internal sealed class BenchExchangeCommand : ClientCommand
{
    private const int StandardSilos = 2;
    private const long StandardFloats = 124_439_808;

    private readonly Option<long?> floats = Values.WholeNumber(
        "--floats", $"fp32 values to average [default: {StandardFloats}, one gradient of gpt2]");

    private readonly Option<long?> rounds = Values.WholeNumber("--rounds", "rounds to time [default: 5]");

    /// <summary>Makes the command.</summary>
    public BenchExchangeCommand()
        : base("exchange", "Times the averaging of a gradient between silos.", "bench exchange --silos 2 --rounds 5")
    {
        Options.Add(floats);
        Options.Add(rounds);
    }

    /// <inheritdoc/>
    public override async Task<int> Run(CommandContext context, CancellationToken cancellation)
    {
        var count = context.Arguments.GetValue(floats) ?? StandardFloats;
        if (count < 1)
            throw new UserErrorException($"--floats takes a whole number of 1 or more, not {count}.");
        var roundCount = context.Arguments.Whole(rounds, 5, least: 1);
        var wanted = context.Choices.Silos ?? StandardSilos;

        // Elsewhere it says how many of the cluster's silos take part.
        var started = context.Choices.Cluster is LocalAddress ? (int?)wanted : null;
        await using var session = await ClusterSession.Open(
            context with { Choices = context.Choices with { Silos = started } }, cancellation);
        var workers = await OneWorkerASilo(session, wanted, cancellation);
        var request = new JobRequest
        {
            BenchExchange = new BenchExchangeRequest
            {
                Floats = count,
                Rounds = roundCount,
                Silos = [.. workers.Select(worker => worker.SiloName)],
            },
        };
        var name = Guid.NewGuid().ToString("N");
        var results = await Task.WhenAll(
            workers.Select(worker => JobCall.Result(session, worker, request, cancellation, name)));
        SummaryTable.Show(context.Output, results[0]);
        return ExitCodes.Done;
    }

    private static async Task<List<WorkerDescription>> OneWorkerASilo(
        ClusterSession session, int wanted, CancellationToken cancellation)
    {
        var silos = await session.Silos(cancellation);
        var workers = silos.Select(silo => silo.Workers.FirstOrDefault())
            .OfType<WorkerDescription>()
            .Take(wanted)
            .ToList();
        return workers.Count == wanted
            ? workers
            : throw new UserErrorException(
                $"--silos {wanted} cannot be: the cluster has {workers.Count} with workers; end a local cluster with "
                + "'stop' first, or name fewer.");
    }
}

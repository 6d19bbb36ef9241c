using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Client.Jobs;
using Gpt2Cluster.Contracts.Jobs;

namespace Gpt2Cluster.Client.Commands;

/// <summary><c>doctor</c>: what this machine has, and what would stop a run.</summary>
internal sealed class DoctorCommand()
    : ClientCommand("doctor", "Tells what this machine has, and what would stop a run.", "doctor --json")
{
    /// <summary>Less free disk than this does not hold what a run of the smallest real model keeps by default: five
    /// checkpoints.</summary>
    private const long LeastFreeBytes = 5L * 12 * 124_439_808;

    /// <summary>Ports a silo takes when it is started by hand.</summary>
    private static readonly (string Option, int Port)[] SiloPorts =
    [
        ("--silo-port", 11111), ("--gateway-port", 30000), ("--stripe-port", 21111), ("--http", 8080),
        ("--redis", 6390),
    ];

    /// <inheritdoc/>
    public override string Remarks =>
        "Asks every worker of every silo: device, precision, threads, libtorch, memory, disk, ports; of a card its "
        + "driver, CUDA, free memory, throttling and copy rates. \"keep_unused_days\": what no run names is removed "
        + "after so many days (0: never; the silo's --keep-unused). \"problems\" lists what would stop a run.";

    /// <inheritdoc/>
    public override async Task<int> Run(CommandContext context, CancellationToken cancellation)
    {
        var problems = new JsonArray();
        var folder = context.Choices.DataFolder;
        folder.Create();
        var free = context.FreeDiskBytes(folder.Root);
        if (free < LeastFreeBytes)
            problems.Add($"The disk of '{folder.Root}' has little room for checkpoints.");
        var taken = SiloPorts.Where(pair => IsTaken(pair.Port)).ToList();
        foreach (var (option, port) in taken)
            problems.Add($"Port {port} is in use; a silo started by hand needs another {option}.");
        var report = new JsonObject
        {
            ["cores"] = Environment.ProcessorCount,
            ["data_folder"] = folder.Root,
            ["free_disk_bytes"] = free,
        };
        var code = ExitCodes.Done;
        try
        {
            await using var session = await ClusterSession.Open(context, cancellation);
            var found = await AskAll(session, cancellation);
            foreach (var warning in found.SelectMany(worker => worker["warnings"]?.AsArray() ?? []))
            {
                if (!problems.Any(known => JsonNode.DeepEquals(known, warning)))
                    problems.Add(warning?.DeepClone());
            }

            foreach (var worker in found)
                worker.Remove("warnings");
            foreach (var (name, value) in found[0])
                report[name] = value?.DeepClone();
            report["workers"] = new JsonArray([.. found]);
        }
        catch (ClientException problem)
        {
            problems.Add(problem.Message);
            code = problem.ExitCode;
        }

        report["problems"] = problems;
        SummaryTable.Show(context.Output, report);
        if (problems.Count == 0)
            context.Output.Result("Nothing here would stop a run.");
        return code;
    }

    /// <summary>
    /// Every worker of every silo, the one that serves nobody first; on one machine one after the other.
    /// </summary>
    private static async Task<List<JsonObject>> AskAll(ClusterSession session, CancellationToken cancellation)
    {
        var first = await JobCall.AnyWorker(session, cancellation);
        var workers = (await session.Silos(cancellation)).SelectMany(silo => silo.Workers)
            .OrderByDescending(worker => worker.Key == first.Key).ToList();
        var found = new List<JsonObject>();
        foreach (var worker in workers)
        {
            var request = new JobRequest { Doctor = new DoctorRequest() };
            found.Add(await JobCall.Result(session, worker, request, cancellation));
        }

        return found;
    }

    private static bool IsTaken(int port)
    {
        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
            return false;
        }
        catch (SocketException)
        {
            return true;
        }
    }
}

using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Contracts.Jobs;
using Gpt2Cluster.Core.Names;

namespace Gpt2Cluster.Client.Jobs;

/// <summary>Tensor work in a silo, on one device.</summary>
internal static class JobCall
{
    private const string ResultEvent = "result";
    private const string ErrorEvent = "error";

    /// <summary>The events of a job; the last one is its result.</summary>
    /// <exception cref="ClientException">The job failed.</exception>
    public static async IAsyncEnumerable<JobEvent> Events(
        ClusterSession session,
        WorkerDescription worker,
        JobRequest request,
        [EnumeratorCancellation] CancellationToken cancellation,
        string? name = null)
    {
        var device = new WorkerId(worker.SiloName, worker.DeviceIndex);
        var job = session.Grains.Job(new JobId(device, name ?? Guid.NewGuid().ToString("N")));
        await session.Retries.Call(() => job.Start(request), cancellation);
        session.Output.Detail($"{worker.Key} is at work");
        var isOver = false;
        var sequence = 0L;
        try
        {
            while (!isOver)
            {
                var lines = await session.Retries.Call(() => job.EventsAfter(sequence), cancellation);
                foreach (var line in lines.Where(line => line.Sequence > sequence))
                {
                    sequence = line.Sequence;
                    var item = Read(line.Json);
                    isOver = item.Kind == ResultEvent;
                    yield return item;
                }
            }
        }
        finally
        {
            if (!isOver)
                await Cancel(job);
        }
    }

    /// <summary>The result of a job, without its <c>event</c> field.</summary>
    /// <exception cref="ClientException">The job failed.</exception>
    /// <remarks>Jobs of one name on several silos find each other by it.</remarks>
    public static async Task<JsonObject> Result(
        ClusterSession session,
        WorkerDescription worker,
        JobRequest request,
        CancellationToken cancellation,
        string? name = null)
    {
        await foreach (var item in Events(session, worker, request, cancellation, name))
        {
            if (item.Kind == ResultEvent)
                return item.Fields;
        }

        throw new InvalidOperationException("A job ended without a result.");
    }

    /// <summary>A worker that serves no run, else any.</summary>
    /// <param name="session">The cluster.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <param name="suits">Which ones are asked first, busy or not; null for no difference.</param>
    /// <exception cref="ClientException">There are none.</exception>
    public static async Task<WorkerDescription> AnyWorker(
        ClusterSession session, CancellationToken cancellation, Predicate<WorkerDescription>? suits = null)
    {
        var silos = await session.Silos(cancellation);
        var workers = silos.OrderBy(silo => silo.IsLeaving).SelectMany(silo => silo.Workers).ToList();
        if (suits is not null && workers.FindAll(suits) is { Count: > 0 } suiting)
            workers = suiting;
        return workers.Find(worker => worker.Run is null) ?? workers.FirstOrDefault()
            ?? throw new ClientException(ExitCodes.Failed, "The cluster's silos have no workers.");
    }

    private static JobEvent Read(string json)
    {
        var fields = JsonNode.Parse(json)?.AsObject() ?? [];
        var kind = fields["event"]?.GetValue<string>() ?? "";
        fields.Remove("event");
        if (kind == ErrorEvent)
        {
            throw new ClientException(
                IsSet(fields, "is_not_found") ? ExitCodes.NotFound
                : IsSet(fields, "is_bad_input") ? ExitCodes.BadInput
                : ExitCodes.Failed,
                fields["message"]?.GetValue<string>() ?? "The job failed.");
        }

        return new JobEvent(kind, fields, json);
    }

    private static bool IsSet(JsonObject fields, string name) => fields[name]?.GetValue<bool>() == true;

    private static async Task Cancel(IJob job)
    {
        try
        {
            await job.Cancel();
        }
        catch (Exception problem) when (CallRetries.IsTransient(problem))
        {
            // The silo is gone, and the job with it.
        }
    }
}

/// <summary>One event of a job.</summary>
/// <param name="Kind">Its <c>event</c> field.</param>
/// <param name="Fields">Its other fields.</param>
/// <param name="Json">The whole line.</param>
internal sealed record JobEvent(string Kind, JsonObject Fields, string Json);

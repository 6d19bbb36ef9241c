using System.Text.Json.Nodes;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Jobs;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Threads;
using Gpt2Cluster.Grains.Placement;
using Gpt2Cluster.Grains.Workers;
using Microsoft.Extensions.Logging;
using Orleans.Concurrency;

namespace Gpt2Cluster.Grains.Jobs;

/// <summary>Starts tensor work outside of runs on a thread of its own and hands out what it says.</summary>
[SiloPinned, Reentrant]
public sealed partial class JobGrain(JobServices services, TimeProvider time, ILogger<JobGrain> logger)
    : Grain, IJob, IDisposable
{
    /// <summary>How long a question for events waits for the first one.</summary>
    public static readonly TimeSpan PollBound = TimeSpan.FromSeconds(5);

    /// <summary>A job that nobody asks for is ended after this time.</summary>
    public static readonly TimeSpan IdleBound = TimeSpan.FromMinutes(30);

    private readonly JobEvents events = new();
    private readonly CancellationTokenSource cancellation = new();
    private bool isStarted;

    /// <inheritdoc/>
    public Task Start(JobRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        DelayDeactivation(IdleBound);
        if (isStarted)
            return Task.CompletedTask;
        var job = JobId.Parse(this.GetPrimaryKeyString());
        var device = services.Silo.Replicas.Devices[job.Worker.Device];
        var work = new JobWork(services, device, job.Name, events, cancellation.Token);
        DedicatedThread.Start("job", () => Work(work, request));
        isStarted = true;
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task<JobEventLine[]> EventsAfter(long sequence)
    {
        if (!isStarted)
            return [JobEvents.Lost(sequence)];
        DelayDeactivation(IdleBound);
        var (lines, more) = events.After(sequence);
        if (lines.Length > 0)
            return lines;
        await Task.WhenAny(more, Task.Delay(PollBound, time));
        return events.After(sequence).Lines;
    }

    /// <inheritdoc/>
    public Task Cancel() => cancellation.CancelAsync();

    /// <inheritdoc/>
    public void Dispose()
    {
        // The source is not disposed: the job's thread may still look at its token.
        cancellation.Cancel();
    }

    private void Work(JobWork work, JobRequest request)
    {
        ThreadNiceness.Set(ThreadNiceness.Of([work.Device], work.Device.Index));
        try
        {
            work.Events.Add("result", Run(work, request));
        }
        catch (UserErrorException problem)
        {
            var kind = problem.IsNotFound ? "is_not_found" : "is_bad_input";
            work.Events.Add("error", new JsonObject { ["message"] = problem.Message, [kind] = true });
        }
        catch (OperationCanceledException)
        {
            work.Events.Add("error", new JsonObject { ["message"] = "The work was cancelled." });
        }
        catch (Exception problem)
        {
            LogFailed(problem);
            if (DeviceFailures.Of(problem) == DeviceFailure.Lost)
                services.End.OnDeviceLost(new WorkerId(services.Silo.Name, work.Device.Index), problem);
            var message = $"The silo could not do the work: {problem.Message}";
            work.Events.Add("error", new JsonObject { ["message"] = message });
        }
    }

    private static JsonObject Run(JobWork work, JobRequest request) => request switch
    {
        { Generate: { } wish } => GenerateJob.Run(work, wish),
        { Evaluate: { } wish } => EvaluateJob.Run(work, wish),
        { BenchStep: { } wish } => BenchJobs.Step(work, wish),
        { BenchGenerate: { } wish } => BenchJobs.Generate(work, wish),
        { BenchExchange: { } wish } => BenchJobs.Exchange(work, wish),
        { Doctor: not null } => DoctorJob.Run(work),
        _ => throw new UserErrorException("The job names nothing to do."),
    };

    [LoggerMessage(LogLevel.Error, "A job failed.")]
    private partial void LogFailed(Exception problem);
}

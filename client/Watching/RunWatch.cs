using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Client.Watching.Views;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Runs;
using Gpt2Cluster.Contracts.Runs.Events;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Runs;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Gpt2Cluster.Client.Watching;

/// <summary>Shows a run's events, each once, until the run stops.</summary>
/// <param name="session">The cluster.</param>
/// <param name="run">The run's name.</param>
/// <param name="context">Where they are shown.</param>
internal sealed class RunWatch(ClusterSession session, RunName run, CommandContext context)
{
    private readonly ITrainingRun grain = session.Grains.Run(run);

    /// <summary>Whether Ctrl+C pauses the run; otherwise it only ends the watch.</summary>
    public required bool PausesOnInterrupt { get; init; }

    /// <summary>Steps of the run; 0 while unknown.</summary>
    public long Steps { get; init; }

    /// <summary>Events up to this one were there before: an end among them is not the end of the watch.</summary>
    public long EndsBefore { get; init; }

    /// <summary>Shows the events after a sequence number.</summary>
    /// <returns>The exit code that the run's end asks for.</returns>
    public async Task<int> Run(long after, CancellationToken interrupted)
    {
        if (!context.Output.IsLive)
        {
            IRunView plain = context.Output.IsJson
                ? new JsonRunView(context.Output)
                : new PlainRunView(context.Output, Steps, context.Time);
            return await Run(plain, after, interrupted);
        }

        var live = new LiveRunView(run, Steps);
        var code = ExitCodes.Failed;
        var terminal = context.Output.Terminal();
        IRenderable Picture() => live.Picture(terminal.Profile.Width, terminal.Profile.Height);
        await terminal.Live(Picture()).StartAsync(async picture =>
        {
            live.Changed += () => picture.UpdateTarget(Picture());
            code = await Run(live, after, interrupted);
        });
        return code;
    }

    private async Task<int> Run(IRunView view, long after, CancellationToken interrupted)
    {
        session.Retries.Say = view.Note;
        using var given = new CancellationTokenSource();
        var pausing = Task.CompletedTask;
        await using var registration = interrupted.Register(() =>
        {
            if (PausesOnInterrupt)
                pausing = Pause(view, given.Token);
            else
                given.Cancel();
        });
        try
        {
            await foreach (var line in new RunEvents(session, run).After(after, given.Token))
            {
                RunEventJson.TryRead(line.Json, out var runEvent);
                view.Show(line.Json, runEvent);
                if (runEvent is EndEvent end && line.Sequence > EndsBefore)
                    return await Ended(end, view, interrupted.IsCancellationRequested, given.Token);
            }
        }
        finally
        {
            await given.CancelAsync();
            await pausing;
        }

        return ExitCodes.Interrupted;
    }

    private async Task Pause(IRunView view, CancellationToken cancellation)
    {
        view.Note($"pausing {run} at the next step boundary; Ctrl+C again leaves at once");
        try
        {
            await session.Retries.Call(grain.Pause, cancellation);
        }
        catch (OperationCanceledException)
        {
            // The run came to its end before the call was answered.
        }
    }

    private async Task<int> Ended(EndEvent end, IRunView view, bool wasInterrupted, CancellationToken cancellation)
    {
        var code = RunEnds.ExitCodeOf(end.Status, wasInterrupted);
        if (end.Status == RunStatus.Failed)
        {
            var description = await session.Retries.Call(grain.Describe, cancellation);
            throw new ClientException(
                code, description?.Record.Remark ?? $"The run {run} failed after step {end.Step}.");
        }

        if (code == ExitCodes.Interrupted)
            view.Note($"{run} is paused after step {end.Step}; the same command goes on from there");
        else if (context.Output.IsLive)
            view.Note(EventLines.Of(end, Steps));
        return code;
    }
}

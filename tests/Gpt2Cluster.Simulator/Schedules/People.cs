using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Contracts.Runs;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Simulator.Silos;

namespace Gpt2Cluster.Simulator.Schedules;

/// <summary>
/// Those who want the run: they submit it, look how it is, resume what rests, and submit it again where it is not known
/// any more.
/// </summary>
internal sealed class People(SimulatedCluster cluster)
{
    private static readonly TimeSpan LookPeriod = TimeSpan.FromSeconds(1);

    private readonly List<string> stops = [];

    /// <summary>How the run ended; null while it goes on.</summary>
    public RunDescription? End { get; private set; }

    /// <summary>When they saw that it has ended.</summary>
    public TimeSpan EndedAt { get; private set; }

    /// <summary>
    /// Whether the cluster's list, when it was looked at last, said of the run that has ended what the run says, and
    /// gave no worker to it: only then do other runs get them.
    /// </summary>
    public bool IsListed { get; private set; }

    /// <summary>The stops on the way, each named as in <see cref="NamedStop"/>.</summary>
    public IReadOnlyList<string> Stops => stops;

    /// <summary>Whether somebody asked for its cancellation.</summary>
    public bool HasCancelled { get; private set; }

    /// <summary>Whether that was taken, and nobody has resumed the run since: no fault may lose it.</summary>
    public bool IsCancellationTaken { get; private set; }

    private ICluster List => cluster.CallsOfPeople.Cluster();

    private ITrainingRun Run => cluster.CallsOfPeople.Run(SimulatedCluster.RunName.Run());

    /// <summary>Submits the run and waits for its end.</summary>
    public void Begin() => cluster.Fork(WaitForEnd);

    /// <summary>Asks for a pause.</summary>
    public void Pause() => cluster.Fork(() => Try("pause", () => Run.Pause()));

    /// <summary>Asks for the end.</summary>
    public void Cancel()
    {
        HasCancelled = true;
        cluster.Fork(async () => IsCancellationTaken |= await Try("cancel", () => Run.Cancel()) is (true, true));
    }

    private async Task WaitForEnd()
    {
        while (true)
        {
            // Whoever looks brings a coordinator back that has not told the end yet.
            var run = await Try("describe", () => Run.Describe());
            if (run.IsAnswered && End is null)
                await Act(run.Answer);
            // One that failed for good can still be cancelled.
            if (run.IsAnswered && End is not null)
                await LookAtList((run.Answer ?? End).Summary);
            await Wait();
        }
    }

    private async Task Act(RunDescription? run)
    {
        var status = run?.Summary.Status;
        if (run is null)
            await Submit();
        else if (status is RunStatus.Completed or RunStatus.Cancelled or RunStatus.EarlyStopped || IsFinal(run))
            (End, EndedAt) = (run, cluster.Timeline.Now);
        else if (status is RunStatus.Paused or RunStatus.Failed)
            await Resume(run);
    }

    private async Task LookAtList(RunSummary end)
    {
        var runs = await Try("list runs", List.Runs);
        var view = await Try("list workers", List.Describe);
        if (!runs.IsAnswered || !view.IsAnswered)
            return;
        var listed = runs.Answer!.FirstOrDefault(run => run.Name == end.Name);
        // The store can be lost while its end is on the way to those who ask.
        var isTold = listed?.Status == end.Status || (listed is null && cluster.Tally[Fault.StoreLost] > 0);
        IsListed = isTold && view.Answer!.Silos.All(silo => silo.Workers.All(worker => worker.Run != end.Name));
    }

    private async Task Submit()
    {
        IsCancellationTaken = false;
        var specification = cluster.Specification;
        if (stops.Count > 0 && cluster.Chance.Happens(0.3))
            specification = specification with { Workers = new WorkerRange(1, cluster.Chance.Between(1, 6)) };
        var submission = new Submission
        {
            Specification = specification,
            PauseAt = cluster.Chance.Happens(0.1) ? cluster.Chance.Between(1, (int)specification.Steps) : null,
        };
        var (isAnswered, answer) = await Try("submit", () => Run.Submit(submission));
        // What somebody cancels meanwhile cannot be taken up again; what began with a call whose answer was lost may
        // be over when the call is made again.
        var mayBeOver = HasCancelled || cluster.Watch.Newest?.Status is RunStatus.Completed or RunStatus.EarlyStopped;
        if (isAnswered && answer!.Outcome == SubmissionOutcome.Refused && !mayBeOver)
            cluster.Watch.Broken($"The run is refused: {string.Join(' ', answer.Reasons)}");
    }

    private async Task Resume(RunDescription run)
    {
        var stop = NamedStop.Of(run);
        if (stop is null)
            cluster.Watch.Broken($"The run failed for a reason that has no name: {run.Record.Remark}");
        stops.Add(stop ?? "?");
        cluster.Trace.Say($"people resume a run that is {run.Summary.Status}: {run.Record.Remark}");
        IsCancellationTaken = false;
        if (cluster.Chance.Happens(0.5))
            await Submit();
        else
            await Try("resume", () => Run.Resume());
    }

    private static bool IsFinal(RunDescription run) => NamedStop.Of(run) == NamedStop.NotFinite;

    private async Task<(bool IsAnswered, T? Answer)> Try<T>(string what, Func<Task<T>> ask)
    {
        try
        {
            return (true, await ask());
        }
        catch (Exception problem)
        {
            cluster.Trace.Say($"people cannot {what}: {problem.Message}");
            return (false, default);
        }
    }

    private Task Wait()
    {
        var over = new TaskCompletionSource();
        cluster.Timeline.After(LookPeriod, null, over.SetResult);
        return over.Task;
    }
}

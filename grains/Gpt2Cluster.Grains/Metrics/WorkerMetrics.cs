using System.Diagnostics;
using System.Diagnostics.Metrics;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;

namespace Gpt2Cluster.Grains.Metrics;

/// <summary>What the workers on this silo tell <c>/metrics</c>. Safe to call from any thread.</summary>
public sealed class WorkerMetrics
{
    private readonly RunSeries series;
    private readonly Counter<double> phases;
    private readonly Counter<long> sent;
    private readonly Counter<long> received;
    private readonly Counter<long> notFinite;
    private readonly Counter<long> failedCheckpoints;
    private readonly Counter<long> kept;
    private readonly Counter<long> recomputed;

    /// <summary>Makes the instruments.</summary>
    public WorkerMetrics(IMeterFactory meters, RunSeries series)
    {
        ArgumentNullException.ThrowIfNull(meters);
        this.series = series;
        var meter = meters.Create(RunInstruments.MeterName);
        phases = meter.CreateCounter<double>(
            "gpt2cluster_worker_phase_duration_seconds",
            description: "Where a worker's time goes, by phase of the step.");
        sent = meter.CreateCounter<long>(
            "gpt2cluster_exchange_sent_bytes",
            description: "Payload this silo has sent over the stripe channel.");
        received = meter.CreateCounter<long>(
            "gpt2cluster_exchange_received_bytes",
            description: "Payload this silo has received over the stripe channel.");
        notFinite = meter.CreateCounter<long>(
            "gpt2cluster_worker_not_finite_steps",
            description: "Steps whose gradient was not finite, so that they changed nothing.");
        failedCheckpoints = meter.CreateCounter<long>(
            "gpt2cluster_worker_failed_checkpoints",
            description: "Checkpoints that could not be written.");
        kept = meter.CreateCounter<long>(
            "gpt2cluster_worker_kept_micro_batches",
            description: "Micro-batches whose gradients outlived an interruption of their step.");
        recomputed = meter.CreateCounter<long>(
            "gpt2cluster_worker_recomputed_micro_batches",
            description: "Micro-batches that the worker computed again, as their step was divided anew.");
    }

    /// <summary>A worker takes a run up.</summary>
    /// <param name="run">The run's name.</param>
    /// <param name="worker">The worker's key.</param>
    public void Begin(RunName run, WorkerId worker)
    {
        series.Begin(run, worker.ToString());

        // A rate needs the zero before the first event.
        notFinite.Add(0, Labels(run, worker));
        failedCheckpoints.Add(0, Labels(run, worker));
        Repeated(run, worker, 0, 0);
    }

    /// <summary>A worker has applied a step.</summary>
    /// <param name="run">The run's name.</param>
    /// <param name="worker">The worker's key.</param>
    /// <param name="times">Where its compute time went.</param>
    /// <param name="dataWait">How long it waited for windows.</param>
    /// <param name="exchangeWait">How long it waited for averages after its own compute was done.</param>
    public void Step(
        RunName run, WorkerId worker, in ComputeTimes times, TimeSpan dataWait, TimeSpan exchangeWait)
    {
        Add("embedding", times.Embedding);
        Add("blocks_forward", times.BlocksForward);
        Add("head", times.Head);
        Add("head_backward", times.HeadBackward);
        Add("blocks_backward", times.BlocksBackward);
        Add("fold", times.Fold);
        Add("optimizer", times.Optimizer);
        Add("data_wait", dataWait);
        Add("exchange_wait", exchangeWait);

        void Add(string phase, TimeSpan spent) => phases.Add(
            spent.TotalSeconds, [.. Labels(run, worker), new("phase", phase)]);
    }

    /// <summary>A step changed nothing, as its gradient was not finite.</summary>
    public void NotFinite(RunName run, WorkerId worker) => notFinite.Add(1, Labels(run, worker));

    /// <summary>A worker has done a step, perhaps under several plans.</summary>
    /// <param name="run">The run's name.</param>
    /// <param name="worker">The worker's key.</param>
    /// <param name="keptCount">Micro-batches that an earlier plan of the step had it compute, and that it kept.</param>
    /// <param name="recomputedCount">Those that it had to compute again.</param>
    public void Repeated(RunName run, WorkerId worker, int keptCount, int recomputedCount)
    {
        kept.Add(keptCount, Labels(run, worker));
        recomputed.Add(recomputedCount, Labels(run, worker));
    }

    /// <summary>A checkpoint could not be written.</summary>
    public void CheckpointFailed(RunName run, WorkerId worker) => failedCheckpoints.Add(1, Labels(run, worker));

    /// <summary>A step's exchange is over on this silo: called once a step, not once a worker.</summary>
    public void Exchanged(RunName run, in ExchangeFigures figures)
    {
        var label = new KeyValuePair<string, object?>(RunInstruments.RunLabel, run.ToString());
        sent.Add(figures.SentBytes, label);
        received.Add(figures.ReceivedBytes, label);
    }

    /// <summary>A worker lets go of a run.</summary>
    public void End(RunName run, WorkerId worker) => series.End(run, worker.ToString());

    private static TagList Labels(RunName run, WorkerId worker) =>
        new([new(RunInstruments.RunLabel, run.ToString()), new("worker", worker.ToString())]);
}

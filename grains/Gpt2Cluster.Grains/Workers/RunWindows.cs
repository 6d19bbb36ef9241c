using Gpt2Cluster.Contracts.Datasets;
using Gpt2Cluster.Contracts.Workers;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Core.Windows;
using Gpt2Cluster.Grains.Datasets;

namespace Gpt2Cluster.Grains.Workers;

/// <summary>
/// A run's windows on one worker: those to train on, in the run's order, and the fixed ones to validate on.
/// </summary>
internal sealed class RunWindows
{
    private readonly RunSpecification specification;
    private readonly WindowLayout? validationLayout;
    private readonly WindowReader? validationReader;

    private RunWindows(RunSpecification specification, WindowReader training, WindowReader? validation)
    {
        this.specification = specification;
        validationReader = validation;
        validationLayout = specification.ValidationWindows();
        var layout = specification.TrainingWindows();
        var order = specification.WindowOrder();
        Training = new WindowPrefetch((step, index) =>
            training.Read(step, index, [.. order.MicroBatch(step, index).Select(layout.Start)], layout.SequenceLength));
    }

    /// <summary>The windows to train on, prefetched.</summary>
    public WindowPrefetch Training { get; }

    /// <summary>
    /// Opens the run's datasets, and has small ones copied to this silo. Called on the compute thread.
    /// </summary>
    /// <exception cref="UserErrorException">No silo has had the dataset for some minutes.</exception>
    /// <exception cref="OperationCanceledException">The wait for it was cancelled.</exception>
    public static RunWindows Open(
        WorkerServices services, RunSpecification specification, CancellationToken cancellation)
    {
        var dataset = specification.Dataset;
        var training = OpenDataset(services, dataset.Sha256, cancellation);
        var validation = dataset.ValidationTokenCount == 0 ? null
            : dataset.ValidationSha256 is { } other ? OpenDataset(services, other, cancellation)
            : training;
        return new RunWindows(specification, training, validation);
    }

    /// <summary>
    /// Losses of a range of the fixed validation micro-batches: for each window the sum over its counted targets.
    /// </summary>
    public double[] Validate(IReplica replica, ValidationPlan plan, CancellationToken cancellation)
    {
        var layout = validationLayout ?? throw new InvalidOperationException("The run does not validate.");
        var sums = new List<double>();
        for (var index = plan.FirstMicroBatch; index < plan.EndMicroBatch; index++)
        {
            cancellation.ThrowIfCancellationRequested();
            FaultPoints.Reach(FaultPoint.Validation, plan.Step);
            var windows = WindowsOf(index, layout);
            var starts = windows.Select(window => ValidationStart + layout.Start(window)).ToList();
            var batch = validationReader!.Read(plan.Step, index, starts, layout.SequenceLength)
                .WaitAsync(cancellation).GetAwaiter().GetResult();
            sums.AddRange(replica.SumLosses(batch, [.. windows.Select(layout.FirstTarget)]));
        }

        return [.. sums];
    }

    /// <summary>Where the validation tokens begin in their dataset.</summary>
    private long ValidationStart =>
        specification.Dataset.ValidationSha256 is null ? specification.Dataset.TrainingTokenCount : 0;

    private List<long> WindowsOf(int microBatch, WindowLayout layout)
    {
        var first = (long)microBatch * specification.BatchSize;
        var end = Math.Min(first + specification.BatchSize, layout.WindowCount);
        return [.. Enumerable.Range(0, (int)(end - first)).Select(offset => first + offset)];
    }

    /// <summary>Silos that hold it may be on their way back, as when all are started again.</summary>
    private static WindowReader OpenDataset(WorkerServices services, string hash, CancellationToken cancellation)
    {
        var (silo, time) = (services.Silo.Name, services.Time);
        var source = new DatasetSource(services.Grains, services.Datasets, hash);
        var began = time.GetTimestamp();
        while (true)
        {
            services.Grains.GetGrain<IDataset>(hash).BringAllTo(silo).WaitAsync(cancellation).GetAwaiter().GetResult();
            if (source.Describe().WaitAsync(cancellation).GetAwaiter().GetResult() is { } description)
                return new WindowReader(source, silo, description, time);
            if (time.GetElapsedTime(began) >= WindowReader.Patience)
            {
                throw new UserErrorException(
                    $"No silo of the cluster has had the dataset {hash} for {WindowReader.Patience.TotalMinutes:0} "
                    + "minutes; start those that hold it and resume the run.");
            }

            Task.Delay(WindowReader.Pause, time, cancellation).GetAwaiter().GetResult();
        }
    }
}

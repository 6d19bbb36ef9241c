using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Datasets;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Retries;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Core.Threads;
using Gpt2Cluster.Core.Windows;
using Gpt2Cluster.Grains.Datasets;

namespace Gpt2Cluster.Grains.Workers.Windows;

/// <summary>
/// A run's windows on one worker: those to train on, in the run's order, and the fixed ones to validate on.
/// </summary>
internal sealed class RunWindows
{
    private readonly ValidationBatches? validation;
    private readonly (WindowReader Reader, long Start)[] validationParts;

    private RunWindows(RunSpecification specification, Dictionary<string, WindowReader> readers)
    {
        validation = specification.ValidationBatches();
        validationParts =
            [.. specification.Dataset.ValidationParts().Select(part => (readers[part.Sha256], part.Start))];
        WindowReader[] sources = [.. specification.Dataset.Sources().Select(source => readers[source.Sha256])];
        var (layouts, order) = (specification.TrainingWindows(), specification.WindowOrder());
        Training = new DataLoader((step, index) => WindowReader.Read(
            step,
            index,
            [
                .. order.MicroBatch(step, index).Select(slot =>
                    (sources[slot.Source], layouts[slot.Source].Start(slot.Window))),
            ],
            layouts[0].SequenceLength));
    }

    /// <summary>The windows to train on, prefetched.</summary>
    public DataLoader Training { get; }

    /// <summary>
    /// Opens the run's datasets, and has small ones copied to this silo. Called on the compute thread.
    /// </summary>
    /// <exception cref="UserErrorException">No silo has had a dataset for some minutes.</exception>
    /// <exception cref="OperationCanceledException">The wait for one was cancelled.</exception>
    public static RunWindows Open(
        WorkerServices services, RunSpecification specification, CancellationToken cancellation)
    {
        var readers = new Dictionary<string, WindowReader>(StringComparer.Ordinal);
        foreach (var hash in specification.DatasetHashes())
            readers.Add(hash, OpenDataset(services, hash, cancellation));
        return new RunWindows(specification, readers);
    }

    /// <summary>
    /// Losses of a range of the fixed validation micro-batches: for each window the sum over its counted targets.
    /// </summary>
    public double[] Validate(IReplica replica, Validate order, CancellationToken cancellation)
    {
        var batches = validation ?? throw new InvalidOperationException("The run does not validate.");
        var sums = new List<double>();
        for (var index = order.Range.First; index < order.Range.End; index++)
        {
            cancellation.ThrowIfCancellationRequested();
            FaultPoints.Reach(FaultPoint.Validation, order.Step);
            var (part, first, count) = batches[index];
            var layout = batches.Parts[part];
            var (reader, begin) = validationParts[part];
            long[] windows = [.. Enumerable.Range(0, count).Select(offset => first + offset)];
            var starts = windows.Select(window => begin + layout.Start(window));
            var batch = reader.Read(order.Step, index, starts, layout.SequenceLength)
                .WaitHere(cancellation);
            sums.AddRange(replica.SumLosses(batch, [.. windows.Select(layout.FirstTarget)]));
        }

        return [.. sums];
    }

    /// <summary>Silos that hold it may be on their way back, as when all are started again.</summary>
    private static WindowReader OpenDataset(WorkerServices services, string hash, CancellationToken cancellation)
    {
        var (silo, time) = (services.Silo.Name, services.Time);
        var source = new DatasetSource(services.Grains, services.Datasets, hash);
        var description = Polling.UntilDone(
            Bring, found => found is not null, WindowReader.Pause, WindowReader.Bound, time, cancellation)
            .WaitHere(cancellation);
        return description is not null
            ? new WindowReader(source, silo, description, time)
            : throw new UserErrorException(
                $"No silo of the cluster has had the dataset {hash} for {WindowReader.Bound.TotalMinutes:0} "
                + "minutes; start those that hold it and resume the run.");

        async Task<DatasetDescription?> Bring()
        {
            await services.Grains.Dataset(hash).BringAllTo(silo);
            return await source.Describe();
        }
    }
}

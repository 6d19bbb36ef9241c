using System.Text.Json.Nodes;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Datasets;
using Gpt2Cluster.Contracts.Jobs;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Core.Threads;
using Gpt2Cluster.Core.Windows;
using Gpt2Cluster.Grains.Datasets;
using Gpt2Cluster.Grains.Workers.Windows;

namespace Gpt2Cluster.Grains.Jobs;

/// <summary>
/// The mean loss of a model on a dataset: windows that do not overlap, every target once, summed in order in fp64.
/// </summary>
internal static class EvaluateJob
{
    /// <summary>Windows computed at once hold about this many tokens.</summary>
    private const int TokensAtOnce = 2048;

    /// <summary>Does the work.</summary>
    /// <exception cref="UserErrorException">The dataset or the model is not there.</exception>
    public static JsonObject Run(JobWork work, EvaluateRequest wish)
    {
        var dataset = Find(work, wish.DatasetHash);
        using var parameters = work.Services.Parameters.Open(wish.Source);
        var sequenceLength = (int)Math.Min(parameters.Shape.ContextLength, dataset.TokenCount - 1);
        var windows = new WindowLayout(dataset.TokenCount, sequenceLength);
        var batchSize = Math.Max(1, TokensAtOnce / sequenceLength);
        var source = new DatasetSource(work.Services.Grains, work.Services.Datasets, wish.DatasetHash);
        var reader = new WindowReader(source, work.Services.Silo.Name, dataset, work.Services.Time);
        using var replica = work.CreateReplica(parameters, new DecodingPrecision(work.PrecisionOf(wish.Precision)));
        var sum = 0.0;
        for (var first = 0L; first < windows.WindowCount; first += batchSize)
        {
            work.Cancellation.ThrowIfCancellationRequested();
            var indices = Range(first, Math.Min(first + batchSize, windows.WindowCount));
            var starts = indices.Select(windows.Start).ToArray();
            var batch = reader.Read(1, 0, starts, sequenceLength).WaitHere(work.Cancellation);
            foreach (var loss in replica.SumLosses(batch, [.. indices.Select(windows.FirstTarget)]))
                sum += loss;
            work.Events.Add(
                "progress", new JsonObject { ["done"] = first + indices.Length, ["of"] = windows.WindowCount });
        }

        var mean = sum / windows.TargetCount;
        return new JsonObject
        {
            ["loss"] = mean,
            ["perplexity"] = Math.Exp(mean),
            ["targets"] = windows.TargetCount,
            ["windows"] = windows.WindowCount,
        };
    }

    private static DatasetDescription Find(JobWork work, string hash)
    {
        var grain = work.Services.Grains.Dataset(hash);
        if (grain.Describe().WaitHere() is null)
            throw new UserErrorException($"The cluster has no dataset {hash}; send it again.");
        grain.BringAllTo(work.Services.Silo.Name).WaitHere();
        return grain.Describe().WaitHere()
            ?? throw new UserErrorException($"The dataset {hash} is on no disk of the cluster now.");
    }

    private static long[] Range(long first, long end)
    {
        var indices = new long[end - first];
        for (var i = 0; i < indices.Length; i++)
            indices[i] = first + i;
        return indices;
    }
}

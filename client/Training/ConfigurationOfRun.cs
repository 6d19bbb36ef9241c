using System.Globalization;
using System.Text;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Core.Windows;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Gpt2Cluster.Client.Training;

/// <summary>A run's options as a file for <c>--config</c>: with the same dataset they give the same run.</summary>
internal static class ConfigurationOfRun
{
    /// <summary>The file's text. The run's name is not in it: another run is to have another.</summary>
    /// <param name="specification">The run.</param>
    /// <param name="paths">What the datasets of a mixture were named, by their hashes.</param>
    public static string Of(RunSpecification specification, IReadOnlyDictionary<string, string> paths)
    {
        ArgumentNullException.ThrowIfNull(specification);
        var (text, dataset) = (new StringBuilder(), specification.Dataset);
        text.Append(CultureInfo.InvariantCulture, $"# The options of the run {specification.Run}, ");
        if (dataset.Mix is null)
        {
            text.Append(CultureInfo.InvariantCulture, $"whose dataset has the hash {dataset.Sha256}:\n");
            text.Append("#   gpt2cluster train DATASET --run NEW --config THIS\n");
        }
        else
        {
            text.Append("whose datasets have, in this order, the hashes\n");
            foreach (var source in dataset.Mix)
                text.Append(CultureInfo.InvariantCulture, $"#   {source.Sha256}\n");
            text.Append("# (a path below is what was named when the dataset was sent first):\n");
            text.Append("#   gpt2cluster train --run NEW --config THIS\n");
        }

        if (dataset.ValidationSha256 is { } validation)
            text.Append(CultureInfo.InvariantCulture, $"# It needs --val-dataset, of the hash {validation}.\n");
        text.Append(Yaml([
            .. Mix(dataset, paths).Where(option => option.Values.Length > 0),
            .. Options(specification).Select(option => (option.Name, (string[])[option.Value])),
            .. Lists(specification.Sampling).Where(option => option.Values.Length > 0),
        ]));
        return text.ToString();
    }

    private static IEnumerable<(string Name, string[] Values)> Mix(
        DatasetReference dataset, IReadOnlyDictionary<string, string> paths)
    {
        yield return ("mix", [.. (dataset.Mix ?? []).Select(source =>
            MixList.Write(paths.GetValueOrDefault(source.Sha256, source.Sha256), source.Weight))]);
    }

    private static string Yaml(IEnumerable<(string Name, string[] Values)> options)
    {
        using var text = new StringWriter(CultureInfo.InvariantCulture) { NewLine = "\n" };
        var emitter = new Emitter(text);
        emitter.Emit(new StreamStart());
        emitter.Emit(new DocumentStart(null, null, isImplicit: true));
        emitter.Emit(new MappingStart());
        foreach (var (name, values) in options)
        {
            emitter.Emit(new Scalar(name));
            if (values.Length != 1)
                emitter.Emit(new SequenceStart(null, null, isImplicit: true, SequenceStyle.Block));
            foreach (var value in values)
                emitter.Emit(new Scalar(value));
            if (values.Length != 1)
                emitter.Emit(new SequenceEnd());
        }

        emitter.Emit(new MappingEnd());
        emitter.Emit(new DocumentEnd(isImplicit: true));
        emitter.Emit(new StreamEnd());
        return text.ToString();
    }

    private static IEnumerable<(string Name, string Value)> Options(RunSpecification run)
    {
        yield return ("model", run.Model.Name);
        yield return ("steps", Text(run.Steps));
        yield return ("batch-size", Text(run.BatchSize));
        yield return ("micro-batches", Text(run.MicroBatchCount));
        yield return ("sequence-length", Text(run.SequenceLength));
        yield return ("learning-rate", Text(run.Schedule.Peak));
        yield return ("schedule", Word(run.Schedule.Kind));
        yield return ("warmup", Text(run.Schedule.WarmupSteps));
        yield return ("optimizer", Word(run.Optimizer.Kind));
        yield return ("weight-decay", Text(run.Optimizer.WeightDecay));
        yield return ("beta1", Text(run.Optimizer.Beta1));
        yield return ("beta2", Text(run.Optimizer.Beta2));
        yield return ("epsilon", Text(run.Optimizer.Epsilon));
        yield return ("clip-norm", Text(run.Optimizer.ClipNorm));
        yield return ("dropout", Text(run.Dropout));
        yield return ("noise", Text(run.Noise));
        yield return ("train", new TrainingScope(run.Trainable, run.Lora?.Rank).ToString());
        if (run.Lora is { } lora)
        {
            yield return ("lora-alpha", Text(lora.Alpha));
            yield return ("lora-dropout", Text(lora.Dropout));
            yield return ("lora-targets", string.Join(',', lora.Targets));
        }

        if (run.Device is { } device)
            yield return ("device", Word(device));
        if (run.Precision is { } precision)
            yield return ("precision", PrecisionWords.Of(precision));
        yield return ("recompute", run.Recompute ? "true" : "false");
        if (run.Workers != new WorkerRange(1, null))
            yield return ("workers", $"{Text(run.Workers.Min)}..{(run.Workers.Max is { } most ? Text(most) : "all")}");
        if (run.ThreadsPerWorker is { } threads)
            yield return ("threads-per-worker", Text(threads));
        yield return ("exact", run.Exact ? "on" : "off");
        yield return ("on-nan", Word(run.OnNan));
        foreach (var option in SampleOptions(run.Sampling))
            yield return option;
        yield return ("save-every", Text(run.SaveEvery));
        yield return ("keep", Text(run.Keep));
        if (run.Dataset.ValidationSha256 is null && SplitOf(run.Dataset.Sources()) is { } split)
            yield return ("val-split", Text(split));
        yield return ("val-every", Text(run.ValidateEvery));
        yield return ("early-stop", Text(run.EarlyStop));
        yield return ("seed", run.Seed.ToString(CultureInfo.InvariantCulture));
        if (run.License is { } license)
            yield return ("license", license);
        if (run.Author is { } author)
            yield return ("author", author);
    }

    /// <summary>Options that may be repeated.</summary>
    private static IEnumerable<(string Name, string[] Values)> Lists(SamplingOptions sampling)
    {
        string[] prompts = [.. sampling.Prompts().Select(prompt => prompt.Text)];
        yield return ("sample-prompt", prompts is [""] ? [] : prompts);
        yield return ("sample-stop", [.. sampling.Stops]);
    }

    private static IEnumerable<(string Name, string Value)> SampleOptions(SamplingOptions sampling)
    {
        yield return ("sample-every", Text(sampling.Every));
        yield return ("sample-num", Text(sampling.Count));
        yield return ("sample-length", Text(sampling.Length));
        yield return ("top-k", Text(sampling.TopK));
        yield return ("top-p", Text(sampling.TopP));
        yield return ("temperature", Text(sampling.Temperature));
        yield return ("sample-repetition-penalty", Text(sampling.RepetitionPenalty));
        yield return ("sample-no-repeat-ngram", Text(sampling.NoRepeatNgram));
        yield return ("sample-min-length", Text(sampling.MinLength));
        yield return ("sample-ignore-end-of-text", sampling.IgnoreEndOfText ? "true" : "false");
        yield return ("sample-include-prefix", sampling.IncludePrompt ? "yes" : "no");
    }

    /// <summary>
    /// A share that leaves as many tokens of each dataset to train on as the run has; null where only the default does,
    /// which takes nothing of a short dataset.
    /// </summary>
    private static double? SplitOf(IReadOnlyList<MixedDataset> sources)
    {
        var share = sources.Max(source => (double)source.ValidationTokenCount / TokensOf(source));
        // What was rounded down is met from above.
        while (sources.Any(source => Split(source, share) < source.ValidationTokenCount))
            share = Math.BitIncrement(share);
        return sources.All(source => Split(source, share) == source.ValidationTokenCount) ? share : null;
    }

    private static long TokensOf(MixedDataset source) => source.TrainingTokenCount + source.ValidationTokenCount;

    private static long Split(MixedDataset source, double share) =>
        ValidationSplit.ValidationTokens(TokensOf(source), share);

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Text(double number) => number.ToString("R", CultureInfo.InvariantCulture);

    private static string Word<T>(T value)
        where T : struct, Enum => value.ToString().ToLowerInvariant();
}

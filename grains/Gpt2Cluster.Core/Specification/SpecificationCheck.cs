using System.Globalization;
using Gpt2Cluster.Core.Model;

namespace Gpt2Cluster.Core.Specification;

/// <summary>Says everything that is wrong with a specification at once.</summary>
public static class SpecificationCheck
{
    /// <summary>Micro-batches of a step at most: what a step's plan is sized for.</summary>
    public const int MaxMicroBatchCount = 4096;

    /// <summary>Windows of a micro-batch at most: each is read on its own, and all are in memory at once.</summary>
    public const int MaxBatchSize = 4096;

    /// <summary>Threads of a worker at most: they are started, whether the machine has the cores or not.</summary>
    public const int MaxThreadsPerWorker = 1024;

    /// <summary>Samples drawn at a time at most: all are in memory, and in one report, at once.</summary>
    public const int MaxSampleCount = 1024;

    /// <summary>Steps at most: so many that the slots of all windows can still be counted.</summary>
    public const long MaxSteps = long.MaxValue / MaxMicroBatchCount / MaxBatchSize;

    /// <summary>One sentence for each error; empty when the run can be made.</summary>
    public static IReadOnlyList<string> Errors(RunSpecification specification)
    {
        ArgumentNullException.ThrowIfNull(specification);
        var errors = new List<string>();
        if (Unknown(specification) is { } unknown)
            errors.Add(unknown);
        errors.AddRange(specification.Model.Shape.Errors().Select(e => $"The model {specification.Model.Name}: {e}."));
        if (specification.Model is { BaseRun: { } run } model && (model.Step is null || model.Sha256 is null))
            errors.Add($"--model {model.Name} names no checkpoint of the run {run}.");
        CheckData(specification, errors);
        CheckSteps(specification, errors);
        CheckSchedule(specification, errors);
        CheckOptimizer(specification.Optimizer, errors);
        CheckTraining(specification, errors);
        CheckWorkers(specification, errors);
        CheckSampling(specification, errors);
        return errors;
    }

    /// <summary>
    /// Refuses a specification that says more than this version knows: whoever ignores an option computes other bits.
    /// </summary>
    /// <exception cref="UserErrorException">It does; the message names what.</exception>
    public static void RefuseUnknown(RunSpecification specification)
    {
        ArgumentNullException.ThrowIfNull(specification);
        if (Unknown(specification) is { } error)
            throw new UserErrorException(error);
    }

    private static string? Unknown(RunSpecification specification)
    {
        string[] paths = [.. specification.UnknownPaths()];
        return paths.Length == 0
            ? null
            : $"The specification of {specification.Run} comes from a newer version, which knows "
                + $"{string.Join(", ", paths)}; run that version on every silo and client.";
    }

    private static void CheckData(RunSpecification specification, List<string> errors)
    {
        var (dataset, context) = (specification.Dataset, specification.Model.Shape.ContextLength);
        if (dataset.TrainingTokenCount < 2)
            errors.Add($"The dataset has {dataset.TrainingTokenCount} training tokens; at least 2 are needed.");
        if (dataset.ValidationTokenCount is < 0 or 1)
            errors.Add($"There are {dataset.ValidationTokenCount} validation tokens; at least 2 are needed, or none.");
        errors.AddRange(MixCheck.Errors(specification));
        if (specification.SequenceLength < 1)
            errors.Add($"--sequence-length must be 1 or more, not {specification.SequenceLength}.");
        else if (specification.SequenceLength > context)
        {
            errors.Add(
                $"--sequence-length {specification.SequenceLength} is beyond the context of {context} tokens of "
                + $"{specification.Model.Name}; choose {context} or less.");
        }
    }

    private static void CheckSteps(RunSpecification specification, List<string> errors)
    {
        AtLeast(1, specification.Steps, "--steps", errors);
        if (specification.Steps > MaxSteps)
            errors.Add($"--steps must be {MaxSteps} or less, not {specification.Steps}.");
        Within(MaxBatchSize, specification.BatchSize, "--batch-size", errors);
        Within(MaxMicroBatchCount, specification.MicroBatchCount, "--micro-batches", errors);
        AtLeast(0, specification.SaveEvery, "--save-every", errors);
        AtLeast(1, specification.Keep, "--keep", errors);
        AtLeast(0, specification.ValidateEvery, "--val-every", errors);
        AtLeast(0, specification.EarlyStop, "--early-stop", errors);
        var validates = specification is { ValidateEvery: > 0, Dataset.ValidationTokenCount: > 0 };
        if (specification.EarlyStop > 0 && !validates)
            errors.Add("--early-stop needs a validation; give --val-dataset or --val-split, and --val-every.");
    }

    private static void CheckSchedule(RunSpecification specification, List<string> errors)
    {
        var schedule = specification.Schedule;
        if (!(schedule.Peak > 0) || !double.IsFinite(schedule.Peak))
            errors.Add($"--learning-rate must be above 0, not {Text(schedule.Peak)}.");
        if (schedule.WarmupSteps < 0 || schedule.WarmupSteps > specification.Steps)
            errors.Add($"--warmup must be 0 to --steps ({specification.Steps}), not {schedule.WarmupSteps}.");
    }

    private static void CheckOptimizer(OptimizerOptions optimizer, List<string> errors)
    {
        Share(optimizer.Beta1, "--beta1", errors);
        Share(optimizer.Beta2, "--beta2", errors);
        if (!(optimizer.Epsilon > 0) || !double.IsFinite(optimizer.Epsilon))
            errors.Add($"--epsilon must be above 0, not {Text(optimizer.Epsilon)}.");
        NotNegative(optimizer.WeightDecay, "--weight-decay", errors);
        NotNegative(optimizer.ClipNorm, "--clip-norm", errors);
    }

    private static void CheckTraining(RunSpecification specification, List<string> errors)
    {
        Share(specification.Dropout, "--dropout", errors);
        if (specification.Noise is not (>= 0 and <= 1))
            errors.Add($"--noise must be 0 to 1, not {Text(specification.Noise)}.");
        if ((specification.Trainable == TrainableParameters.Lora) != (specification.Lora is not null))
            errors.Add("--train lora:RANK and the adapters' options go together.");
        else if (specification.Lora is { } lora)
            CheckLora(lora, specification.Model.Shape.Width, errors);
    }

    private static void CheckLora(LoraOptions lora, int width, List<string> errors)
    {
        if (lora.Rank < 1 || lora.Rank > width)
            errors.Add($"--train lora:RANK takes a rank of 1 to the model's width, {width}, not {lora.Rank}.");
        if (lora.Rank >= 1 && !(lora.Scale > 0 && float.IsNormal((float)lora.Scale)))
        {
            errors.Add(
                "--lora-alpha must be above 0, and divided by the rank within the normal numbers of fp32 (1.2e-38 to "
                + $"3.4e38): {Text(lora.Alpha)} / {lora.Rank} is not.");
        }

        Share(lora.Dropout, "--lora-dropout", errors);
        var unknown = lora.Targets.Where(target => !LoraOptions.KnownTargets.Contains(target)).ToList();
        if (lora.Targets.Count == 0 || unknown.Count > 0)
        {
            var named = unknown.Count > 0 ? $"'{unknown[0]}'" : "nothing";
            errors.Add($"--lora-targets takes some of {string.Join(", ", LoraOptions.KnownTargets)}, not {named}.");
        }
    }

    private static void CheckWorkers(RunSpecification specification, List<string> errors)
    {
        var (min, max) = specification.Workers;
        if (min < 1 || max < min)
            errors.Add($"--workers must be N or MIN..MAX from 1 up, not {min}..{max}.");
        if (specification.ThreadsPerWorker is { } threads)
            Within(MaxThreadsPerWorker, threads, "--threads-per-worker", errors);
    }

    private static void CheckSampling(RunSpecification specification, List<string> errors)
    {
        var (sampling, shape) = (specification.Sampling, specification.Model.Shape);
        AtLeast(0, sampling.Every, "--sample-every", errors);
        if (sampling.Count < 1 || sampling.Count > MaxSampleCount / (1 + sampling.MorePrompts.Count))
        {
            var most = MaxSampleCount / (1 + sampling.MorePrompts.Count);
            errors.Add($"--sample-num must be 1 to {most}{ForPrompts(sampling)}, not {sampling.Count}.");
        }

        AtLeast(1, sampling.Length, "--sample-length", errors);
        AtLeast(0, sampling.TopK, "--top-k", errors);
        NotNegative(sampling.Temperature, "--temperature", errors);
        if (sampling.TopP is not (>= 0 and <= 1))
            errors.Add($"--top-p must be 0 to 1, not {Text(sampling.TopP)}.");
        CheckTextRules(sampling, errors);
        foreach (var prompt in sampling.Prompts())
            CheckPrompt(prompt, sampling, shape, errors);
    }

    private static void CheckTextRules(SamplingOptions sampling, List<string> errors)
    {
        if (!(sampling.RepetitionPenalty > 0) || !double.IsFinite(sampling.RepetitionPenalty))
        {
            errors.Add(
                $"--sample-repetition-penalty must be above 0 (1 is off), not {Text(sampling.RepetitionPenalty)}.");
        }

        AtLeast(0, sampling.NoRepeatNgram, "--sample-no-repeat-ngram", errors);
        AtLeast(0, sampling.MinLength, "--sample-min-length", errors);
        if (sampling.MinLength > sampling.Length)
        {
            errors.Add(
                $"--sample-min-length {sampling.MinLength} is beyond --sample-length {sampling.Length}; lower it.");
        }

        if (sampling.Stops.Contains(""))
            errors.Add("--sample-stop takes a text that is not empty.");
    }

    private static void CheckPrompt(
        SamplePrompt prompt, SamplingOptions sampling, ModelShape shape, List<string> errors)
    {
        if (prompt.Tokens.Count == 0)
            errors.Add("--sample-prompt has no tokens; leave the option out to begin with end-of-text.");
        if (prompt.Tokens.Any(token => token < 0 || token >= shape.VocabularySize))
            errors.Add($"--sample-prompt has a token outside the vocabulary of {shape.VocabularySize}.");
        if (sampling.Length >= 1 && prompt.Tokens.Count + (long)sampling.Length > shape.ContextLength)
        {
            errors.Add(
                $"--sample-length {sampling.Length} and a prompt of {prompt.Tokens.Count} tokens are beyond "
                + $"the context of {shape.ContextLength} tokens; shorten one of them.");
        }
    }

    private static string ForPrompts(SamplingOptions sampling) =>
        sampling.MorePrompts.Count == 0 ? "" : $" for each of {sampling.MorePrompts.Count + 1} prompts";

    private static void AtLeast(long least, long value, string option, List<string> errors)
    {
        if (value < least)
            errors.Add($"{option} must be {least} or more, not {value}.");
    }

    private static void Within(long most, long value, string option, List<string> errors)
    {
        if (value < 1 || value > most)
            errors.Add($"{option} must be 1 to {most}, not {value}.");
    }

    private static void NotNegative(double value, string option, List<string> errors)
    {
        if (!(value >= 0) || !double.IsFinite(value))
            errors.Add($"{option} must be 0 or more, not {Text(value)}.");
    }

    private static void Share(double value, string option, List<string> errors)
    {
        if (value is not (>= 0 and < 1))
            errors.Add($"{option} must be 0 or more and below 1, not {Text(value)}.");
    }

    private static string Text(double value) => value.ToString(CultureInfo.InvariantCulture);
}

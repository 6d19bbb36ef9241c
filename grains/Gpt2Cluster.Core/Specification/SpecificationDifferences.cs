namespace Gpt2Cluster.Core.Specification;

/// <summary>What differs between a stored run and a command that wants to go on with it.</summary>
public static class SpecificationDifferences
{
    /// <summary>What each leaf of a specification is called on the command line.</summary>
    public static IReadOnlyDictionary<string, string> OptionNames { get; } = new Dictionary<string, string>
    {
        ["run"] = "--run",
        ["model.name"] = "--model",
        ["model.sha256"] = "the weights of --model",
        ["model.vocabulary"] = "the vocabulary of --model",
        ["model.step"] = "the checkpoint of --model",
        ["model.shape.vocabulary_size"] = "the vocabulary size of --model",
        ["model.shape.context_length"] = "the context of --model",
        ["model.shape.width"] = "the width of --model",
        ["model.shape.head_count"] = "the head count of --model",
        ["model.shape.layer_count"] = "the layer count of --model",
        ["dataset.sha256"] = "the dataset",
        ["dataset.training_token_count"] = "the number of training tokens (dataset or --val-split)",
        ["dataset.validation_token_count"] = "the number of validation tokens (--val-dataset or --val-split)",
        ["dataset.validation_sha256"] = "--val-dataset",
        ["dataset.mix"] = "--mix",
        ["steps"] = "--steps",
        ["batch_size"] = "--batch-size",
        ["micro_batch_count"] = "--micro-batches",
        ["sequence_length"] = "--sequence-length",
        ["schedule.kind"] = "--schedule",
        ["schedule.peak"] = "--learning-rate",
        ["schedule.warmup_steps"] = "--warmup",
        ["optimizer.kind"] = "--optimizer",
        ["optimizer.beta1"] = "--beta1",
        ["optimizer.beta2"] = "--beta2",
        ["optimizer.epsilon"] = "--epsilon",
        ["optimizer.weight_decay"] = "--weight-decay",
        ["optimizer.clip_norm"] = "--clip-norm",
        ["dropout"] = "--dropout",
        ["noise"] = "--noise",
        ["trainable"] = "--train",
        ["lora"] = "--train",
        ["lora.rank"] = "the rank of --train lora:RANK",
        ["lora.alpha"] = "--lora-alpha",
        ["lora.dropout"] = "--lora-dropout",
        ["lora.targets"] = "--lora-targets",
        ["device"] = "--device",
        ["precision"] = "--precision",
        ["recompute"] = "--recompute",
        ["workers"] = "--workers",
        ["threads_per_worker"] = "--threads-per-worker",
        ["exact"] = "--exact",
        ["on_nan"] = "--on-nan",
        ["sampling.every"] = "--sample-every",
        ["sampling.count"] = "--sample-num",
        ["sampling.length"] = "--sample-length",
        ["sampling.prompt"] = "--sample-prompt",
        ["sampling.prompt_tokens"] = "the tokens of --sample-prompt",
        ["sampling.more_prompts"] = "--sample-prompt",
        ["sampling.include_prompt"] = "--sample-include-prefix",
        ["sampling.repetition_penalty"] = "--sample-repetition-penalty",
        ["sampling.no_repeat_ngram"] = "--sample-no-repeat-ngram",
        ["sampling.min_length"] = "--sample-min-length",
        ["sampling.stops"] = "--sample-stop",
        ["sampling.ignore_end_of_text"] = "--sample-ignore-end-of-text",
        ["sampling.top_k"] = "--top-k",
        ["sampling.top_p"] = "--top-p",
        ["sampling.temperature"] = "--temperature",
        ["save_every"] = "--save-every",
        ["keep"] = "--keep",
        ["validate_every"] = "--val-every",
        ["early_stop"] = "--early-stop",
        ["seed"] = "--seed",
        ["license"] = "--license",
        ["author"] = "--author",
    };

    /// <summary>
    /// One sentence for each difference that forbids going on; empty when the run may go on. Workers may differ; what
    /// the new command leaves to the cluster (device, precision, threads) takes the stored value, and what a run of
    /// before there was a choice does not say, the new one; and a base run that has gone
    /// on in the meantime stays what it was at submission.
    /// </summary>
    /// <param name="stored">The run's specification.</param>
    /// <param name="wanted">The new command's.</param>
    public static IReadOnlyList<string> Between(RunSpecification stored, RunSpecification wanted)
    {
        var before = Leaves(stored.With(wanted) with { Workers = wanted.Workers }, wanted);
        var isSameBase = wanted.Model.BaseRun is not null && wanted.Model.Name == stored.Model.Name;
        var after = Leaves(wanted.With(stored) with { Model = isSameBase ? stored.Model : wanted.Model }, stored);
        return
        [
            .. from leaf in before
               let now = after.GetValueOrDefault(leaf.Key, leaf.Value) // What one of them has not differs as a whole.
               where now != leaf.Value
               let option = OptionNames.GetValueOrDefault(leaf.Key, leaf.Key)
               select $"{option} is {leaf.Value} in the run and {now} in this command.",
        ];
    }

    /// <summary>
    /// The leaves of one of the two. Where one of them has a mixture, its datasets are told one by one instead of by
    /// the hash of all, and what the other has beside it.
    /// </summary>
    private static IReadOnlyDictionary<string, string> Leaves(RunSpecification one, RunSpecification other)
    {
        var leaves = SpecificationJson.Leaves(one);
        if (one.Dataset.Mix is null && other.Dataset.Mix is null)
            return leaves;
        return new SortedDictionary<string, string>(leaves.ToDictionary(), StringComparer.Ordinal)
        {
            ["dataset.sha256"] = "",
            ["dataset.mix"] = string.Join(", ", one.Dataset.Sources().Select(source =>
                $"{source.Weight} of {source.Sha256} ({source.TrainingTokenCount} + {source.ValidationTokenCount} "
                + "tokens)")),
        };
    }
}

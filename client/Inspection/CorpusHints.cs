using Gpt2Cluster.Client.Output;
using Gpt2Cluster.Core.Windows;
using Gpt2Cluster.Data.Inspection;

namespace Gpt2Cluster.Client.Inspection;

/// <summary>What follows from what a corpus holds, in sentences.</summary>
internal static class CorpusHints
{
    /// <summary>Less than this share is no trouble.</summary>
    private const double LeastShare = 0.005;

    /// <summary>A larger share of single bytes says that the vocabulary was not made for such text.</summary>
    private const double ManyLoneBytes = 0.05;

    /// <summary>The sentences.</summary>
    /// <param name="corpus">The corpus.</param>
    /// <param name="models">What models would take for it.</param>
    /// <param name="isMeasured">Whether the time of a step is known, and so the model.</param>
    public static IReadOnlyList<string> Of(
        InspectedCorpus corpus, IReadOnlyList<ModelCost> models, bool isMeasured) =>
    [
        .. new[]
        {
            Fault(corpus), Duplicates(corpus), Passages(corpus), Overlap(corpus), NoValidation(corpus),
            LoneBytes(corpus.Facts), isMeasured ? null : FewWindows(models), isMeasured ? null : Time(),
        }.OfType<string>(),
    ];

    private static string? Fault(InspectedCorpus corpus) => corpus.Repeats.Fault is { } fault
        ? $"Repetitions were looked for only in the beginning of the corpus: {fault}."
        : null;

    private static string? Duplicates(InspectedCorpus corpus)
    {
        var repeats = corpus.Repeats;
        if (repeats.DuplicateDocumentCount == 0 || corpus.ShareOf(repeats.DuplicateTokenCount) < LeastShare)
            return null;
        var bound = repeats.DuplicatesAreExact ? "" : "At least ";
        var share = Formats.Percent(corpus.ShareOf(repeats.DuplicateTokenCount));
        var first = repeats.DuplicateFiles[0];
        return $"{bound}{share} of the corpus are documents that stand in it before, word for word "
            + $"({Places(first)}); a model learns by heart what it sees often: take them out.";
    }

    private static string? Passages(InspectedCorpus corpus)
    {
        var repeats = corpus.Repeats;
        var share = corpus.ShareOf(repeats.PassageTokenCount);
        return repeats.PassageCount == 0 || share < LeastShare ? null
            : $"At least {Formats.Percent(share)} of the corpus are passages that stand in it before "
            + $"({Places(repeats.PassageFiles[0])}); headers, licences and quotations are best taken out.";
    }

    private static string? Overlap(InspectedCorpus corpus) => corpus.Repeats.Overlap is { TokenCount: > 0 } overlap
        ? $"At least {Formats.Percent(overlap.Share)} of what validates is trained on as well "
            + $"({Places(overlap.Files[0])}): the validation's loss will be better than the model is. Take the "
            + "repetitions out, or name other texts with --val-dataset."
        : null;

    private static string? NoValidation(InspectedCorpus corpus) => corpus.Split.ValidationTokenCount > 0 ? null
        : $"Nothing validates: the corpus has fewer than {ValidationSplit.MinWindowsForDefault} windows of "
            + $"{corpus.SequenceLength} tokens, or --val-split is 0. --val-split 0.1 takes its end, --val-dataset "
            + "another text.";

    private static string? LoneBytes(CorpusStatistics facts) => facts.LoneByteShare < ManyLoneBytes ? null
        : $"{Formats.Percent(facts.LoneByteShare)} of the tokens are single bytes of characters that the vocabulary "
            + "has nothing longer for: little of such text fits into a window, and the model has seen little of it.";

    private static string? FewWindows(IReadOnlyList<ModelCost> models)
    {
        var tight = models.FirstOrDefault(cost => cost.Model == "gpt2" && cost.TrainingWindowCount < cost.StepWindows);
        return tight is null ? null
            : $"A step of gpt2 takes {tight.StepWindows} windows and the corpus has {tight.TrainingWindowCount}: each "
            + "step sees some of them again. A smaller --micro-batches makes shorter steps.";
    }

    private static string Time() =>
        "How long an epoch takes is known only by measuring: inspect with --model M times some steps on this machine, "
        + "with --cluster C on the workers that are there.";

    private static string Places(RepeatedFile repeated) => repeated.File == repeated.FirstFile
        ? $"most of them in {repeated.File}"
        : $"most of them in {repeated.File}, first in {repeated.FirstFile}";
}

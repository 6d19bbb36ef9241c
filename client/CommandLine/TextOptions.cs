using System.CommandLine;

namespace Gpt2Cluster.Client.CommandLine;

/// <summary>
/// Options on what a text may hold and where it ends: those of <c>generate</c>, and with <c>--sample-</c> in front
/// those of a run's samples.
/// </summary>
internal sealed class TextOptions
{
    /// <summary>Makes them.</summary>
    /// <param name="prefix">What their names begin with: <c>--</c> or <c>--sample-</c>.</param>
    public TextOptions(string prefix)
    {
        RepetitionPenalty = Values.Number(
            $"{prefix}repetition-penalty",
            "divides the logits of tokens that are there already; 1 is off [default: 1]");
        NoRepeatNgram = Values.WholeNumber(
            $"{prefix}no-repeat-ngram", "no sequence of N tokens comes twice; 0 is off [default: 0]");
        MinLength = Values.WholeNumber(
            $"{prefix}min-length", "tokens before the end-of-text token may come [default: 0]");
        Stop = Values.Texts(
            $"{prefix}stop", "ends a text where TEXT comes, which is not shown; may be repeated", mayBeEmpty: false);
        Stop.Aliases.Add($"{prefix}truncate");
        IgnoreEndOfText = Values.Flag(
            $"{prefix}ignore-end-of-text", "texts go on behind the end-of-text token, which is not shown");
        IncludePrefix = Values.Choice(
            $"{prefix}include-prefix", "whether a text begins with its prompt [default: yes]", "yes", "no");
    }

    /// <summary>As in CTRL (Keskar et al. 2019).</summary>
    public Option<double?> RepetitionPenalty { get; }

    /// <summary>As Hugging Face's <c>no_repeat_ngram_size</c>.</summary>
    public Option<long?> NoRepeatNgram { get; }

    /// <summary>As Hugging Face's <c>min_new_tokens</c>.</summary>
    public Option<long?> MinLength { get; }

    /// <summary>Stop texts; <c>--truncate</c> is gpt-2-simple's word for one.</summary>
    public Option<string[]> Stop { get; }

    /// <summary>Whether the end-of-text token ends no text.</summary>
    public Option<bool> IgnoreEndOfText { get; }

    /// <summary>Whether the prompt is shown.</summary>
    public Option<string?> IncludePrefix { get; }

    /// <summary>All of them, in the order of the help page.</summary>
    public IReadOnlyList<Option> All =>
        [RepetitionPenalty, NoRepeatNgram, MinLength, Stop, IgnoreEndOfText, IncludePrefix];
}

using System.Globalization;

namespace Gpt2Cluster.Core.Windows;

/// <summary>
/// How a corpus is divided: the last part of its tokens validates, and is cut off before windows are made.
/// </summary>
/// <param name="TrainingTokenCount">Tokens to train on, from the first one on; 2 or more.</param>
/// <param name="ValidationTokenCount">Tokens behind them to validate on; 0 for none, else 2 or more.</param>
public sealed record ValidationSplit(long TrainingTokenCount, long ValidationTokenCount)
{
    /// <summary>The fraction that validates when nothing is said and the corpus is long enough.</summary>
    public const double DefaultFraction = 0.05;

    /// <summary>A corpus of fewer windows gives nothing away unless it is told to.</summary>
    public const int MinWindowsForDefault = 20;

    /// <summary>Divides a corpus.</summary>
    /// <param name="tokenCount">Tokens of the corpus, 2 or more.</param>
    /// <param name="sequenceLength">T, which decides how many windows the corpus has.</param>
    /// <param name="fraction">What was asked for, 0 to below 1; null for the default.</param>
    /// <exception cref="UserErrorException">A part would be left with fewer than two tokens.</exception>
    public static ValidationSplit Of(long tokenCount, int sequenceLength, double? fraction)
    {
        var windows = new WindowLayout(tokenCount, sequenceLength);
        var isLong = windows.WindowCount >= MinWindowsForDefault;
        return Cut(tokenCount, fraction ?? (isLong ? DefaultFraction : 0));
    }

    /// <summary>Tokens that a fraction of a corpus has, rounded down.</summary>
    public static long ValidationTokens(long tokenCount, double fraction) => (long)(tokenCount * fraction);

    private static ValidationSplit Cut(long tokenCount, double fraction)
    {
        if (fraction is not (>= 0 and < 1))
            throw new UserErrorException($"--val-split must be 0 or more and below 1, not {Text(fraction)}.");
        var validation = ValidationTokens(tokenCount, fraction);
        if (fraction > 0 && (validation < 2 || tokenCount - validation < 2))
        {
            throw new UserErrorException(
                $"--val-split {Text(fraction)} of {tokenCount} tokens leaves fewer than 2 tokens on one side; "
                + "choose another fraction, or 0 for no validation.");
        }

        return new ValidationSplit(tokenCount - validation, validation);
    }

    private static string Text(double value) => value.ToString(CultureInfo.InvariantCulture);
}

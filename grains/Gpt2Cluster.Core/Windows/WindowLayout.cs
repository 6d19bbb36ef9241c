namespace Gpt2Cluster.Core.Windows;

/// <summary>
/// How a run of tokens is cut into windows of <c>T + 1</c>: window <c>i</c> starts at <c>iT</c>, so that every token
/// but the first is a target; the last window is moved left so that it is whole and no token is left out.
/// </summary>
public sealed record WindowLayout
{
    /// <summary>Cuts a run of tokens.</summary>
    /// <param name="tokenCount">Tokens, 2 or more.</param>
    /// <param name="sequenceLength">
    /// The wanted T, 1 or more; lowered to <c>tokenCount - 1</c> for a short corpus.
    /// </param>
    /// <exception cref="UserErrorException">There are fewer than two tokens.</exception>
    public WindowLayout(long tokenCount, int sequenceLength)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(sequenceLength, 1);
        if (tokenCount < 2)
        {
            var held = tokenCount == 1 ? "only 1 token" : "no tokens";
            throw new UserErrorException($"The text has {held}; training needs at least 2, so give a longer one.");
        }

        TokenCount = tokenCount;
        SequenceLength = (int)Math.Min(sequenceLength, tokenCount - 1);
        WindowCount = (tokenCount - 1 + SequenceLength - 1) / SequenceLength;
    }

    /// <summary>Tokens in all.</summary>
    public long TokenCount { get; }

    /// <summary>T as it is: a window has one token more.</summary>
    public int SequenceLength { get; }

    /// <summary><c>W = ceil((tokens - 1) / T)</c>, 1 or more.</summary>
    public long WindowCount { get; }

    /// <summary>Targets of all windows, each once: every token but the first.</summary>
    public long TargetCount => TokenCount - 1;

    /// <summary>Index of the first of the T + 1 tokens of a window.</summary>
    public long Start(long window)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(window);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(window, WindowCount);
        return Math.Min(window * SequenceLength, TokenCount - 1 - SequenceLength);
    }

    /// <summary>
    /// How many of the window's T targets an earlier window has already: 0 but for the last one. Validation and
    /// evaluation count every target once.
    /// </summary>
    public int FirstTarget(long window) => (int)((window * SequenceLength) - Start(window));
}

namespace Gpt2Cluster.Core;

/// <summary>
/// A mistake the user can mend: bad input, a missing file, an option out of range. The message is one clear sentence
/// that says what, where and what to do; the client prints it and ends with exit code 2, or 4 for a run or checkpoint
/// that is not there. Words of a file may stand in it: whatever they are, the message is one line of a bounded length
/// and has nothing that a terminal would obey.
/// </summary>
/// <param name="message">The sentence for the user.</param>
/// <param name="cause">What led to it; null if nothing did.</param>
public sealed class UserErrorException(string message, Exception? cause = null) : Exception(OneLine(message), cause)
{
    private const int LongestMessage = 1500;
    private const int EndOfMessage = 300;

    /// <summary>Whether a run or checkpoint is named that is not there: the client ends with exit code 4.</summary>
    public bool IsNotFound { get; private init; }

    /// <summary>An error for a run or checkpoint that is not there.</summary>
    public static UserErrorException NotFound(string message) => new(message) { IsNotFound = true };

    /// <summary>A message without control characters; of a long one its beginning and its end.</summary>
    public static string OneLine(string message)
    {
        ArgumentNullException.ThrowIfNull(message);
        var cut = message.Length <= LongestMessage ? message
            : $"{message.AsSpan(0, LongestMessage - EndOfMessage)} ... {message.AsSpan(message.Length - EndOfMessage)}";
        return cut.Any(char.IsControl)
            ? string.Concat(cut.Select(letter => char.IsControl(letter) ? ' ' : letter))
            : cut;
    }
}

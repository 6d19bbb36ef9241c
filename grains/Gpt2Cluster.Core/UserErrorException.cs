namespace Gpt2Cluster.Core;

/// <summary>
/// A mistake the user can mend: bad input, a missing file, an option out of range. The message is one clear sentence
/// that says what, where and what to do; the client prints it and ends with exit code 2, or 4 for a run or checkpoint
/// that is not there.
/// </summary>
public sealed class UserErrorException : Exception
{
    /// <summary>Makes an error without a message; prefer the others.</summary>
    public UserErrorException()
    {
    }

    /// <summary>Makes an error with the sentence for the user.</summary>
    public UserErrorException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an error with the sentence for the user and its cause.</summary>
    public UserErrorException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Whether a run or checkpoint is named that is not there: the client ends with exit code 4.</summary>
    public bool IsNotFound { get; private init; }

    /// <summary>An error for a run or checkpoint that is not there.</summary>
    public static UserErrorException NotFound(string message) => new(message) { IsNotFound = true };
}

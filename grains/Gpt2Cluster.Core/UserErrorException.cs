namespace Gpt2Cluster.Core;

/// <summary>
/// A mistake the user can mend: bad input, a missing file, an option out of range. The message is one clear sentence
/// that
/// says what, where and what to do; the client prints it and ends with exit code 2.
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
}

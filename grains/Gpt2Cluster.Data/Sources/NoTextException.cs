using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Sources;

/// <summary>
/// A file that was read as text holds something else. Among the files of a folder it is left out with a warning; one
/// that was named itself is the user's mistake.
/// </summary>
internal sealed class NoTextException : Exception
{
    public NoTextException()
    {
    }

    public NoTextException(string message)
        : base(message)
    {
    }

    public NoTextException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Makes one.</summary>
    /// <param name="name">The file.</param>
    /// <param name="fault">What it is: "is a PNG picture, not text".</param>
    /// <param name="remedy">What to do if the file was named itself.</param>
    public NoTextException(string name, string fault, string remedy)
        : this($"{name} {fault}; {remedy}.") => Fault = fault;

    /// <summary>What the file is, without its name and the remedy.</summary>
    public string Fault { get; } = "is no text";

    /// <summary>The same as the user's mistake.</summary>
    public UserErrorException AsUserError() => new(Message, this);
}

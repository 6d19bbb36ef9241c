using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Sources;

/// <summary>
/// A file that was read as text holds something else. Among the files of a folder it is left out with a warning; one
/// that was named itself is the user's mistake.
/// </summary>
/// <param name="name">The file.</param>
/// <param name="fault">What it is: "is a PNG picture, not text".</param>
/// <param name="remedy">What to do if the file was named itself.</param>
/// <param name="cause">What was thrown at it, if anything was.</param>
internal sealed class NoTextException(string name, string fault, string remedy, Exception? cause = null)
    : Exception($"{name} {fault}; {remedy}.", cause)
{
    /// <summary>What the file is, without its name and the remedy.</summary>
    public string Fault => fault;

    /// <summary>What to do about it.</summary>
    public string Remedy => remedy;

    /// <summary>The same as the user's mistake.</summary>
    public UserErrorException AsUserError() => new(Message, this);
}

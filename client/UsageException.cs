using System.Diagnostics.CodeAnalysis;

namespace Gpt2Cluster.Client;

/// <summary>The words on the command line do not make a command; the message is one sentence.</summary>
/// <param name="message">One sentence.</param>
[SuppressMessage("Design", "CA1032", Justification = "Without a sentence it has no meaning.")]
[SuppressMessage("Design", "CA1064", Justification = "It never leaves this assembly.")]
internal sealed class UsageException(string message) : Exception(message);

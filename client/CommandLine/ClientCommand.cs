using System.CommandLine;

namespace Gpt2Cluster.Client.CommandLine;

/// <summary>A command of the client: its options, an example, and what it does.</summary>
internal abstract class ClientCommand : Command
{
    /// <summary>Makes the command.</summary>
    /// <param name="name">The word the user types.</param>
    /// <param name="description">One line.</param>
    /// <param name="example">What follows <c>gpt2cluster</c> in an example.</param>
    protected ClientCommand(string name, string description, string example)
        : base(name, description) => Example = example;

    /// <summary>What follows <c>gpt2cluster</c> in an example.</summary>
    public string Example { get; }

    /// <summary>More examples, of the same form; empty for none.</summary>
    public virtual IReadOnlyList<string> MoreExamples => [];

    /// <summary>More lines for the help page; empty for none.</summary>
    public virtual string Remarks => "";

    /// <summary>Does it.</summary>
    /// <returns>One of <see cref="ExitCodes"/>.</returns>
    public abstract Task<int> Run(CommandContext context, CancellationToken cancellation);
}

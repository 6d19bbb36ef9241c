using System.CommandLine;
using Gpt2Cluster.Core.Names;

namespace Gpt2Cluster.Client.CommandLine;

/// <summary>The name of a run as a command's argument.</summary>
internal sealed class RunArgument : Argument<string>
{
    /// <summary>Makes the argument.</summary>
    public RunArgument()
        : base("RUN") => Description = "the run's name";

    /// <summary>The name.</summary>
    /// <exception cref="Core.UserErrorException">It cannot be a run's name.</exception>
    public RunName Read(CommandContext context) => RunName.Parse(context.Arguments.GetRequiredValue(this));
}

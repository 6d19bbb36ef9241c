using System.CommandLine;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Client.CommandLine;

/// <summary>What cannot be taken back is asked for on a terminal; <c>--yes</c> answers before.</summary>
internal sealed class Confirmation
{
    /// <summary>The option.</summary>
    public Option<bool> Yes { get; } = Values.Flag("--yes", "does not ask");

    /// <summary>Refuses at once where nobody can be asked.</summary>
    /// <param name="context">The command.</param>
    /// <param name="what">What is to be done, at the beginning of a sentence.</param>
    /// <exception cref="UserErrorException">There is neither a terminal nor the option.</exception>
    public void Check(CommandContext context, string what)
    {
        if (!IsGiven(context) && context.Output.Answers is null)
        {
            throw new UserErrorException(
                $"{what} cannot be taken back, and nobody can be asked here; give --yes to do it all the same.");
        }
    }

    /// <summary>Asks unless it is answered already.</summary>
    /// <param name="context">The command.</param>
    /// <param name="question">One sentence.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>Whether the answer is yes; anything but <c>y</c> and <c>yes</c> is not.</returns>
    public async Task<bool> Ask(CommandContext context, string question, CancellationToken cancellation)
    {
        if (IsGiven(context))
            return true;
        context.Output.ResultText($"{question} [y/N] ");
        var answer = await context.Output.Answers!.ReadLineAsync(cancellation);
        return answer?.Trim().ToUpperInvariant() is "Y" or "YES";
    }

    private bool IsGiven(CommandContext context) => context.Arguments.GetValue(Yes);
}

namespace Gpt2Cluster.Core.Specification;

/// <summary>How a prompt and what is to follow it share a context.</summary>
/// <param name="Kept">Tokens of the prompt's end that are read, 1 or more.</param>
/// <param name="Length">Tokens to add, 1 or more.</param>
public readonly record struct PromptFit(int Kept, int Length)
{
    /// <summary>Fits them: a prompt that is too long keeps its end.</summary>
    /// <param name="promptCount">The prompt's tokens, 1 or more.</param>
    /// <param name="length">
    /// Tokens to add; null for <see cref="SamplingOptions.DefaultLength"/> or what fits behind the prompt, and where
    /// the prompt alone fills the context, half of that at most.
    /// </param>
    /// <param name="contextLength">The model's context.</param>
    /// <exception cref="UserErrorException">The length leaves no room for any prompt.</exception>
    public static PromptFit Of(int promptCount, int? length, int contextLength)
    {
        if (length >= contextLength || contextLength < 2)
        {
            throw new UserErrorException(
                $"--length {length ?? 1} is beyond the model's context of {contextLength} tokens, of which a prompt "
                + $"takes one or more; choose {contextLength - 1} or less.");
        }

        var fitting = promptCount < contextLength
            ? SamplingOptions.LengthThatFits(contextLength, promptCount)
            : SamplingOptions.LengthThatFits(contextLength, (contextLength + 1) / 2);
        var added = length ?? fitting;
        return new PromptFit(Math.Min(promptCount, contextLength - added), added);
    }
}

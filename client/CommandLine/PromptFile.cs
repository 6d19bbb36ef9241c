using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Datasets;

namespace Gpt2Cluster.Client.CommandLine;

/// <summary>A prompt from a file that an option names.</summary>
internal static class PromptFile
{
    /// <summary>Reads it as a dataset's text is read.</summary>
    /// <exception cref="UserErrorException">It cannot be read or is no text; the option is named.</exception>
    public static string Read(string option, string path)
    {
        try
        {
            return PromptText.Read(path);
        }
        catch (UserErrorException problem)
        {
            throw new UserErrorException($"{option} {problem.Message}", problem);
        }
    }
}

using System.Globalization;
using System.Text;
using Gpt2Cluster.Contracts.Runs.Events;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Client.Commands;

/// <summary>
/// Writes samples as the original tool does: one file <c>samples-STEP</c> for each step, each sample below the header
/// <c>======== SAMPLE 1 ========</c>, samples separated by a line break.
/// </summary>
internal sealed class SampleFiles
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);

    private readonly string folder;
    private readonly SortedDictionary<int, string> samples = [];
    private long step = -1;

    /// <summary>Takes the folder; it is made if it is not there.</summary>
    /// <exception cref="UserErrorException">It cannot be made.</exception>
    public SampleFiles(string folder)
    {
        this.folder = folder;
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"The folder '{folder}' of --out cannot be made: {problem.Message}", problem);
        }
    }

    /// <summary>Writes a sample with those of its step that came before it.</summary>
    /// <returns>The file.</returns>
    public string Write(SampleEvent sample)
    {
        if (sample.Step != step)
            samples.Clear();
        step = sample.Step;
        samples[sample.Index] = $"======== SAMPLE {sample.Index} ========\n{sample.Text}\n";
        var path = Path.Combine(folder, $"samples-{sample.Step.ToString(CultureInfo.InvariantCulture)}");
        File.WriteAllText(path, string.Join('\n', samples.Values), Utf8);
        return path;
    }
}

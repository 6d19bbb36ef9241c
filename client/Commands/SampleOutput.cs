using System.Globalization;
using System.Text;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Client.Commands;

/// <summary>
/// <c>--out</c> of <c>generate</c>: a file, or a folder in which the file is named <c>samples-STEP</c>, as the original
/// tool does. Nothing that is there is written over.
/// </summary>
internal sealed class SampleOutput
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);

    private readonly string path;
    private readonly bool isFolder;

    /// <summary>Takes what was typed: a folder if there is one or it ends with a slash, else a file.</summary>
    /// <exception cref="UserErrorException">There is such a file already, or no folder for it.</exception>
    public SampleOutput(string path)
    {
        this.path = path;
        isFolder = Directory.Exists(path) || Path.EndsInDirectorySeparator(path);
        if (isFolder)
            return;
        if (File.Exists(path))
            throw new UserErrorException($"There is a file '{path}' already; name another one with --out.");
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder && !Directory.Exists(folder))
            throw new UserErrorException($"There is no folder '{folder}' for the file of --out; make it first.");
    }

    /// <summary>Writes texts: a file's only one as it is, else each below its header.</summary>
    /// <param name="step">The step of the model.</param>
    /// <param name="texts">The texts, in order.</param>
    /// <returns>The file.</returns>
    /// <exception cref="UserErrorException">It cannot be written.</exception>
    public string Write(long step, IReadOnlyList<string> texts)
    {
        var content = !isFolder && texts.Count == 1
            ? texts[0] + "\n"
            : string.Join('\n', texts.Select((text, index) => $"======== SAMPLE {index + 1} ========\n{text}\n"));
        try
        {
            if (isFolder)
                Directory.CreateDirectory(path);
            var file = isFolder ? FreeName(step) : path;
            using var writer = new StreamWriter(new FileStream(file, FileMode.CreateNew, FileAccess.Write), Utf8);
            writer.Write(content);
            return file;
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"'{path}' of --out cannot be written: {problem.Message}", problem);
        }
    }

    private string FreeName(long step)
    {
        var name = $"samples-{step.ToString(CultureInfo.InvariantCulture)}";
        var names = Enumerable.Range(2, int.MaxValue - 2)
            .Select(number => $"{name}-{number.ToString(CultureInfo.InvariantCulture)}").Prepend(name);
        return names.Select(one => Path.Combine(path, one)).First(one => !Path.Exists(one));
    }
}

using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Client.Models.Exports;

/// <summary>What an export is made of: a model's name or folder, or <c>run:NAME</c> with <c>@best</c>, <c>@last</c> or
/// <c>@STEP</c>.</summary>
/// <param name="Model">A model's name or folder; null for a run.</param>
/// <param name="Run">The run; null for a model.</param>
/// <param name="Checkpoint">Which checkpoint of it: <c>best</c>, <c>last</c> or a step.</param>
internal sealed record ExportName(string? Model, RunName? Run, string Checkpoint)
{
    /// <summary>A short name for files.</summary>
    public string FileName => Run?.ToString()
        ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(Model!)));

    /// <summary>Reads what a user writes.</summary>
    /// <exception cref="UserErrorException">It names a run, and not in that form.</exception>
    public static ExportName Parse(string text)
    {
        if (!text.StartsWith(ModelReference.RunPrefix, StringComparison.Ordinal))
            return new ExportName(text, null, "");
        var at = text.LastIndexOf('@');
        var name = at < 0 ? text : text[..at];
        var which = at < 0 ? "last" : text[(at + 1)..];
        if (which is not ("best" or "last") && (which.Length == 0 || !which.All(char.IsAsciiDigit)))
        {
            throw new UserErrorException(
                $"'{text}' names no checkpoint: behind the @ comes best, last or a step, not '{which}'.");
        }

        return new ExportName(null, ModelNames.RunOf(name), which);
    }
}

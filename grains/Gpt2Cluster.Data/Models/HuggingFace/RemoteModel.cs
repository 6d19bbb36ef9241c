using System.Text.RegularExpressions;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Data.Models.HuggingFace;

/// <summary>A model that can be fetched.</summary>
/// <param name="Name">Its name in the store.</param>
/// <param name="Folder">The address that its files' names are added to.</param>
/// <param name="IsOpenAiLayout">Whether it lies there as OpenAI published it; else as on the hub.</param>
/// <param name="Shape">The shape it must have; null where it is not known before.</param>
public sealed partial record RemoteModel(string Name, Uri Folder, bool IsOpenAiLayout, ModelShape? Shape)
{
    /// <summary>What a model of the hub is named with: <c>hf:OWNER/MODEL</c>.</summary>
    public const string HubPrefix = "hf:";

    /// <summary>What OpenAI's own files are named with: <c>openai:124M</c>.</summary>
    public const string OpenAiPrefix = "openai:";

    /// <summary>The public hub.</summary>
    public static readonly Uri DefaultHub = new("https://huggingface.co");

    /// <summary>Where OpenAI keeps its files.</summary>
    public static readonly Uri OpenAiFolder = new("https://openaipublic.blob.core.windows.net/gpt-2/models/");

    /// <summary>Understands what a user names.</summary>
    /// <param name="text">One of OpenAI's sizes by name or alias, <c>hf:OWNER/MODEL</c> or <c>openai:SIZE</c>.</param>
    /// <param name="hub">The hub; null for <see cref="DefaultHub"/>.</param>
    /// <exception cref="UserErrorException">It is none of them.</exception>
    public static RemoteModel Parse(string text, Uri? hub = null)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.StartsWith(HubPrefix, StringComparison.Ordinal))
            return OfHub(text[HubPrefix.Length..], hub ?? DefaultHub);
        var isOpenAiLayout = text.StartsWith(OpenAiPrefix, StringComparison.Ordinal);
        var size = isOpenAiLayout ? text[OpenAiPrefix.Length..] : text;
        var known = Presets.FindPublished(size) ?? throw new UserErrorException(
            $"'{text}' is none of the models that can be pulled: "
            + $"{string.Join(", ", Presets.Published.Select(preset => preset.Name))}, {HubPrefix}OWNER/MODEL, or "
            + $"{OpenAiPrefix} and one of those.");
        return isOpenAiLayout
            ? new RemoteModel(known.Name, new Uri(OpenAiFolder, known.Aliases[^1] + "/"), true, known.Shape)
            : OfPreset(known, hub ?? DefaultHub);
    }

    private static RemoteModel OfPreset(Preset known, Uri hub) =>
        new(known.Name, FolderOf(hub, known.Repository!), false, known.Shape);

    private static RemoteModel OfHub(string repository, Uri hub)
    {
        if (!Repository().IsMatch(repository))
        {
            throw new UserErrorException(
                $"'{repository}' is no model of the hub; write it as {HubPrefix}OWNER/MODEL, as its page is called.");
        }

        if (Presets.Published.FirstOrDefault(preset => preset.Repository == repository) is { } known)
            return OfPreset(known, hub);
        // The owner stays in the name: others have models of that name too.
        return new RemoteModel(
            repository.Replace("/", "--", StringComparison.Ordinal), FolderOf(hub, repository), false, null);
    }

    private static Uri FolderOf(Uri hub, string repository) =>
        new($"{hub.AbsoluteUri.TrimEnd('/')}/{repository}/resolve/main/");

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9._-]*[A-Za-z0-9_-]\z")]
    private static partial Regex Repository();
}

using Gpt2Cluster.Core.Model;

namespace Gpt2Cluster.Data.Models;

/// <summary>One of OpenAI's four sizes.</summary>
/// <param name="Name">Its name, such as <c>gpt2-medium</c>.</param>
/// <param name="Aliases">Other names, OpenAI's counts of parameters: <c>345M</c>, <c>355M</c>.</param>
/// <param name="Shape">Its shape.</param>
public sealed record KnownModel(string Name, IReadOnlyList<string> Aliases, ModelShape Shape)
{
    /// <summary>All four, by size.</summary>
    public static IReadOnlyList<KnownModel> All { get; } =
    [
        new("gpt2", ["117M", "124M"], new ModelShape(50257, 1024, 768, 12, 12)),
        new("gpt2-medium", ["345M", "355M"], new ModelShape(50257, 1024, 1024, 16, 24)),
        new("gpt2-large", ["774M"], new ModelShape(50257, 1024, 1280, 20, 36)),
        new("gpt2-xl", ["1558M"], new ModelShape(50257, 1024, 1600, 25, 48)),
    ];

    /// <summary>Its repository on the hub.</summary>
    public string Repository => $"openai-community/{Name}";

    /// <summary>The size of that name or alias, in any case of letters, or null.</summary>
    public static KnownModel? Find(string name) => All.FirstOrDefault(
        model => string.Equals(model.Name, name, StringComparison.OrdinalIgnoreCase)
            || model.Aliases.Contains(name, StringComparer.OrdinalIgnoreCase));
}

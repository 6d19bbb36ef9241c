using System.Text.Json;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Data.Models.OpenAi;

/// <summary>
/// <c>hparams.json</c>: the five numbers of a GPT-2's shape. A folder that training wrote has none; then all but the
/// count of heads is in the variables, and that is known for OpenAI's sizes.
/// </summary>
internal static class HyperParameters
{
    /// <summary>The file's name.</summary>
    public const string FileName = "hparams.json";

    private const int LongestBytes = 1 << 20;

    /// <summary>The shape that a folder's file gives; null where there is no file.</summary>
    /// <exception cref="UserErrorException">The file cannot be used; all faults are named at once.</exception>
    public static ModelShape? Find(string folder)
    {
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
            return null;
        return JsonFile.Read(path, LongestBytes, root => Read(path, root));
    }

    /// <summary>The shape of OpenAI's model that has variables of these dimensions.</summary>
    /// <exception cref="UserErrorException">They are no GPT-2's, or none of OpenAI's sizes.</exception>
    public static ModelShape Guess(IModelWeights weights)
    {
        if (weights.Find(OpenAiNames.TokenEmbedding) is not { Dimensions: { Count: 2 } tokens }
            || weights.Find(OpenAiNames.PositionEmbedding) is not { Dimensions: { Count: 2 } positions })
        {
            throw new UserErrorException($"{weights.Path} has no {OpenAiNames.TokenEmbedding} and "
                + $"{OpenAiNames.PositionEmbedding} of two dimensions, so it is no GPT-2.");
        }

        var layerCount = weights.Tensors.Max(tensor => OpenAiNames.BlockOf(tensor.Name)) + 1;
        var known = Presets.Published.FirstOrDefault(
            preset => preset.Shape.Width == tokens[1] && preset.Shape.LayerCount == layerCount);
        if (known is null)
        {
            throw new UserErrorException($"{weights.Path} has {layerCount} blocks of width {tokens[1]}, which is none "
                + $"of OpenAI's sizes, so its count of heads is unknown; put its {FileName} beside it.");
        }

        if (tokens[0] > int.MaxValue || positions[0] > int.MaxValue)
            throw new UserErrorException($"{weights.Path} has embeddings too long to be a GPT-2's.");
        var shape = known.Shape with { VocabularySize = (int)tokens[0], ContextLength = (int)positions[0] };
        return shape.Errors() is { Count: > 0 } errors
            ? throw new UserErrorException($"{weights.Path} cannot be used: {string.Join("; ", errors)}.")
            : shape;
    }

    private static ModelShape Read(string path, JsonElement root)
    {
        var errors = new List<string>();
        var shape = new ModelShape(
            Whole("n_vocab"), Whole("n_ctx"), Whole("n_embd"), Whole("n_head"), Whole("n_layer"));
        if (errors.Count == 0)
            errors.AddRange(shape.Errors());
        return errors.Count == 0
            ? shape
            : throw new UserErrorException($"{path} cannot be used: {string.Join("; ", errors)}.");

        int Whole(string name)
        {
            if (root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number
                && value.TryGetInt32(out var number) && number > 0)
                return number;
            errors.Add($"{name} is missing or no positive whole number");
            return 0;
        }
    }
}

using System.Text.Json;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Data.Models.Peft;

/// <summary>
/// <c>adapter_config.json</c> (https://huggingface.co/docs/peft/package_reference/lora, <c>LoraConfig</c>), as far as
/// GPT-2's adapters here go. A field that asks for more, or changes what the weights mean, is refused by its name.
/// </summary>
/// <param name="Options">Rank, alpha, dropout, targets.</param>
/// <param name="BaseModel"><c>base_model_name_or_path</c>; null if it is not said.</param>
/// <param name="Text">The file as it is.</param>
internal sealed record PeftConfiguration(LoraOptions Options, string? BaseModel, byte[] Text)
{
    private const int LongestBytes = 16 << 20;

    /// <summary>Fields that must be false, or missing.</summary>
    private static readonly string[] Switches = ["use_rslora", "use_dora", "use_qalora", "lora_bias"];

    /// <summary>Fields that must hold nothing: null, empty, or missing.</summary>
    private static readonly string[] Additions =
    [
        "modules_to_save", "rank_pattern", "alpha_pattern", "layers_to_transform", "layer_replication",
        "exclude_modules", "target_parameters", "trainable_token_indices", "alora_invocation_tokens",
    ];

    /// <summary>Beginnings of adapters that leave the base's weights as they are; others change them.</summary>
    private static readonly string[] Beginnings = ["gaussian", "eva", "orthogonal"];

    /// <summary>Reads a file.</summary>
    /// <exception cref="UserErrorException">It is missing, no such file, or asks for what is not built.</exception>
    public static PeftConfiguration Read(string path) => JsonFile.Read(path, LongestBytes, root =>
    {
        if (Unsupported(root) is { } wrong)
            throw Wrong(path, wrong);
        return new PeftConfiguration(
            new LoraOptions
            {
                Rank = Rank(path, root),
                Alpha = Number(path, root, "lora_alpha", null),
                Dropout = Number(path, root, "lora_dropout", 0),
                Targets = Targets(path, root),
            },
            Field(root, "base_model_name_or_path") is { ValueKind: JsonValueKind.String } name
                ? name.GetString()
                : null,
            File.ReadAllBytes(path));
    });

    /// <summary>What asks for what is not built, in words; null if nothing does.</summary>
    private static string? Unsupported(JsonElement root)
    {
        if (Word(root, "peft_type") != "LORA")
            return $"peft_type is {Quote(root, "peft_type")}, and only LORA is built";
        if (Field(root, "task_type") is not null && Word(root, "task_type") != "CAUSAL_LM")
            return $"task_type is {Quote(root, "task_type")}, and only CAUSAL_LM is built";
        if (Field(root, "bias") is not null && Word(root, "bias") != "none")
            return $"bias is {Quote(root, "bias")}, and adapters train no biases here; only none is built";
        if (Field(root, "fan_in_fan_out") is { ValueKind: not JsonValueKind.True })
            return "fan_in_fan_out must be true, because GPT-2 keeps its weights as (inputs, outputs)";
        if (Array.Find(Switches, name => Field(root, name) is { ValueKind: not JsonValueKind.False }) is { } on)
            return $"{on} is {Quote(root, on)}, which is not built";
        if (Array.Find(Additions, name => Field(root, name) is { } value && !IsEmpty(value)) is { } added)
            return $"{added} is {Quote(root, added)}, which is not built";
        return Field(root, "init_lora_weights") is { ValueKind: JsonValueKind.String } begun
            && Array.IndexOf(Beginnings, begun.GetString()) < 0
                ? $"init_lora_weights is {JsonFile.Quote(begun)}, which changes the base model too"
                : null;
    }

    private static int Rank(string path, JsonElement root) =>
        Field(root, "r") is { ValueKind: JsonValueKind.Number } value && value.TryGetInt32(out var rank) && rank >= 1
            ? rank
            : throw Wrong(path, $"r is {Quote(root, "r")}, not a whole number of 1 or more");

    private static double Number(string path, JsonElement root, string name, double? otherwise)
    {
        if (Field(root, name) is null && otherwise is { } standard)
            return standard;
        return Field(root, name) is { ValueKind: JsonValueKind.Number } value && value.TryGetDouble(out var number)
            && double.IsFinite(number)
                ? number
                : throw Wrong(path, $"{name} is {Quote(root, name)}, not a number");
    }

    private static string[] Targets(string path, JsonElement root)
    {
        if (Field(root, "target_modules") is not { ValueKind: JsonValueKind.Array } list || IsEmpty(list))
            throw Wrong(path, $"target_modules is {Quote(root, "target_modules")}, not a list of layers");
        foreach (var one in list.EnumerateArray())
        {
            if (one.ValueKind != JsonValueKind.String || !LoraOptions.KnownTargets.Contains(one.GetString()))
            {
                throw Wrong(
                    path,
                    $"target_modules names {JsonFile.Quote(one)}, and adapters are added to "
                    + $"{string.Join(", ", LoraOptions.KnownTargets)} only");
            }
        }

        return [.. list.EnumerateArray().Select(one => one.GetString()!)];
    }

    /// <summary>A field's value; null where it is missing or null.</summary>
    private static JsonElement? Field(JsonElement root, string name) =>
        root.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private static string? Word(JsonElement root, string name) =>
        Field(root, name) is { ValueKind: JsonValueKind.String } value ? value.GetString() : null;

    private static bool IsEmpty(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Array => value.GetArrayLength() == 0,
        JsonValueKind.Object => !value.EnumerateObject().Any(),
        JsonValueKind.String => value.GetString()!.Length == 0,
        _ => false,
    };

    private static string Quote(JsonElement root, string name) =>
        root.TryGetProperty(name, out var value) ? JsonFile.Quote(value) : "missing";

    private static UserErrorException Wrong(string path, string fault) =>
        new($"{path} cannot be used: {fault}.");
}

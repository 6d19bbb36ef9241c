using System.Globalization;
using System.Text.Json;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Model;

namespace Gpt2Cluster.Data.Models.HuggingFace;

/// <summary>
/// Reads and writes <c>config.json</c> of a Hugging Face GPT-2
/// (https://huggingface.co/docs/transformers/model_doc/gpt2#transformers.GPT2Config). What this program cannot do is
/// refused by name, never ignored.
/// </summary>
public static class ModelConfiguration
{
    /// <summary>The file's name.</summary>
    public const string FileName = "config.json";

    private const int DefaultEndOfText = 50256;
    private const double EpsilonTolerance = 1e-12;
    private const int LongestBytes = 4 << 20;

    /// <summary>The shape that a configuration describes.</summary>
    /// <exception cref="UserErrorException">The file is missing, is not JSON, or asks for something unsupported; all
    /// faults are named at once.</exception>
    public static ModelShape Read(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return JsonFile.Read(path, LongestBytes, root => Read(path, root));
    }

    /// <summary>
    /// The id that a configuration gives its end-of-text token; GPT-2's where it says nothing, as transformers take it;
    /// null where it says that there is none.
    /// </summary>
    /// <exception cref="UserErrorException">The file is missing or no JSON object.</exception>
    public static int? ReadEndOfText(string path) => JsonFile.Read(path, LongestBytes, root =>
    {
        if (!root.TryGetProperty("eos_token_id", out var value))
            return DefaultEndOfText;
        if (value.ValueKind == JsonValueKind.Array && value.GetArrayLength() > 0)
            value = value[0];
        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var id) ? id : (int?)null;
    });

    /// <summary>Writes a configuration that Hugging Face's <c>AutoModelForCausalLM</c> reads.</summary>
    /// <param name="output">Where to; stays open.</param>
    /// <param name="shape">The model's shape.</param>
    /// <param name="endOfText">The token that ends a text; null for none.</param>
    /// <param name="type">The weights' type, as torch names it.</param>
    public static void Write(Stream output, ModelShape shape, int? endOfText, string type = "float32")
    {
        ArgumentNullException.ThrowIfNull(shape);
        using var writer = new Utf8JsonWriter(output, new JsonWriterOptions { Indented = true });
        writer.WriteStartObject();
        writer.WriteString("model_type", "gpt2");
        writer.WriteStartArray("architectures");
        writer.WriteStringValue("GPT2LMHeadModel");
        writer.WriteEndArray();
        writer.WriteString("activation_function", "gelu_new");
        writer.WriteNumber("layer_norm_epsilon", 1e-5);
        writer.WriteNumber("vocab_size", shape.VocabularySize);
        writer.WriteNumber("n_ctx", shape.ContextLength);
        writer.WriteNumber("n_positions", shape.ContextLength);
        writer.WriteNumber("n_embd", shape.Width);
        writer.WriteNumber("n_layer", shape.LayerCount);
        writer.WriteNumber("n_head", shape.HeadCount);
        writer.WriteBoolean("tie_word_embeddings", true);
        foreach (var name in new[] { "bos_token_id", "eos_token_id" })
        {
            if (endOfText is { } id)
                writer.WriteNumber(name, id);
            else
                writer.WriteNull(name);
        }

        writer.WriteString("torch_dtype", type);
        writer.WriteEndObject();
    }

    private static ModelShape Read(string path, JsonElement root)
    {
        var errors = new List<string>();
        foreach (var (name, sound, supported) in Conditions(root))
        {
            if (root.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null && !sound(value))
                errors.Add($"{name} is {JsonFile.Quote(value)}, only {supported} is supported");
        }

        var context = root.TryGetProperty("n_positions", out _) ? "n_positions" : "n_ctx";
        var shape = new ModelShape(
            Whole("vocab_size"), Whole(context), Whole("n_embd"), Whole("n_head"), Whole("n_layer"));
        if (errors.Count == 0)
            errors.AddRange(shape.Errors());
        if (errors.Count > 0)
            throw new UserErrorException($"{path} cannot be used: {string.Join("; ", errors)}.");
        return shape;

        int Whole(string name)
        {
            if (root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number
                && value.TryGetInt32(out var number) && number > 0)
                return number;
            errors.Add($"{name} is missing or no positive whole number");
            return 0;
        }
    }

    private static IEnumerable<(string Name, Func<JsonElement, bool> Sound, string Supported)> Conditions(
        JsonElement root)
    {
        yield return ("model_type", value => IsText(value, "gpt2"), "gpt2");
        if (!root.TryGetProperty("model_type", out _))
        {
            yield return ("architectures", value => value.ValueKind == JsonValueKind.Array
                && value.EnumerateArray().All(one => one.ValueKind == JsonValueKind.String
                    && one.GetString()!.StartsWith("GPT2", StringComparison.Ordinal)), "GPT2LMHeadModel");
        }

        yield return ("is_encoder_decoder", value => value.ValueKind == JsonValueKind.False, "false");
        yield return ("quantization_config", value => value.ValueKind == JsonValueKind.Null, "null");
        yield return ("activation_function", value => IsText(value, "gelu_new") || IsText(value, "gelu_pytorch_tanh"),
            "gelu_new");
        yield return ("layer_norm_epsilon", value => value.ValueKind == JsonValueKind.Number
            && Math.Abs(value.GetDouble() - 1e-5) < EpsilonTolerance, "1e-05");
        yield return ("tie_word_embeddings", value => value.ValueKind == JsonValueKind.True, "true");
        yield return ("scale_attn_weights", value => value.ValueKind == JsonValueKind.True, "true");
        yield return ("scale_attn_by_inverse_layer_idx", value => value.ValueKind == JsonValueKind.False, "false");
        yield return ("add_cross_attention", value => value.ValueKind == JsonValueKind.False, "false");
        yield return Same("n_inner", root, "n_embd", 4);
        if (root.TryGetProperty("n_positions", out _))
            yield return Same("n_ctx", root, "n_positions", 1);
    }

    private static (string Name, Func<JsonElement, bool> Sound, string Supported) Same(
        string name, JsonElement root, string other, int factor)
    {
        var wanted = root.TryGetProperty(other, out var value) && value.ValueKind == JsonValueKind.Number
            && value.TryGetInt64(out var number)
            ? factor * number
            : -1;
        return (name,
            own => own.ValueKind == JsonValueKind.Number && own.TryGetInt64(out var found) && found == wanted,
            wanted.ToString(CultureInfo.InvariantCulture));
    }

    private static bool IsText(JsonElement value, string text) =>
        value.ValueKind == JsonValueKind.String && value.ValueEquals(text);
}

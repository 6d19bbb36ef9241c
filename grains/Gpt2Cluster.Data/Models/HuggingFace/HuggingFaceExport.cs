using System.Security.Cryptography;
using System.Text.Json;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Provenance;
using Gpt2Cluster.Data.Models.Exports;
using Gpt2Cluster.Data.Models.Safetensors;
using Gpt2Cluster.Data.Storage;

namespace Gpt2Cluster.Data.Models.HuggingFace;

/// <summary>
/// Writes a folder for Hugging Face's transformers, with all that the hub shows: configuration, weights, vocabulary in
/// its three forms, generation configuration, model card. It appears whole or not at all.
/// </summary>
public static class HuggingFaceExport
{
    private const string GenerationFileName = "generation_config.json";
    private const string TokenizerConfigurationFileName = "tokenizer_config.json";
    private const int PieceElements = 1 << 20;
    private const int BufferBytes = 1 << 20;

    private static readonly string[] FileNames =
    [
        ModelConfiguration.FileName, ModelFolder.WeightsFileName, .. ModelFolder.VocabularyFileNames,
        TokenizerJson.FileName, TokenizerConfigurationFileName, GenerationFileName,
        ModelCard.FileName, Origin.FileName,
    ];

    /// <summary>Refuses a place that an export may not take.</summary>
    /// <exception cref="UserErrorException">It is taken.</exception>
    public static void Check(string path, bool overwrites) =>
        ReplacedPlace.Check(path, overwrites, name => Array.IndexOf(FileNames, name) >= 0);

    /// <summary>Writes the folder.</summary>
    /// <exception cref="UserErrorException">The place is taken, or a weight does not fit the type.</exception>
    public static void Write(ExportedModel model, ExportRequest wish)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(wish);
        Check(wish.Path, wish.Overwrites);
        using var staged = new StagedFolder(wish.Path);
        if (model.HasVocabulary)
            WriteVocabulary(staged, model);
        var endOfText = model.Vocabulary.EndOfTextOf(model.Shape.VocabularySize);
        using (var configuration = File.Create(staged.File(ModelConfiguration.FileName)))
            ModelConfiguration.Write(configuration, model.Shape, endOfText, TorchName(wish.Type));
        WriteGeneration(staged, endOfText);
        var origin = model.Origin with
        {
            WeightsSha256 = WriteWeights(staged.File(ModelFolder.WeightsFileName), model, wish),
        };
        File.WriteAllText(staged.File(ModelCard.FileName), ModelCard.Write(model.Origin, "transformers"));
        File.WriteAllText(staged.File(Origin.FileName), origin.Write());
        ReplacedPlace.Publish(staged, wish.Path);
    }

    /// <returns>SHA-256 of the file, lower-case hexadecimal.</returns>
    private static string WriteWeights(string path, ExportedModel model, ExportRequest wish)
    {
        using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, BufferBytes);
        using var hash = SHA256.Create();
        using var hashed = new CryptoStream(file, hash, CryptoStreamMode.Write);
        var layout = model.Weights.Layout;
        var writer = new SafetensorsWriter(
            hashed,
            layout.Slices.Select(slice => (ModelFolder.NamePrefix + slice.Name, slice.Dimensions)),
            wish.Type,
            new Dictionary<string, string> { [Origin.MetadataKey] = model.Record });
        var piece = new float[(int)Math.Min(PieceElements, layout.Length)];
        for (var start = 0L; start < layout.Length; start += piece.Length)
        {
            wish.Cancellation.ThrowIfCancellationRequested();
            var part = piece.AsSpan(0, (int)Math.Min(piece.Length, layout.Length - start));
            model.Weights.ReadParameters(start, part);
            writer.Write(part);
            wish.Progress?.Report(start + part.Length);
        }

        writer.Complete();
        hashed.FlushFinalBlock();
        return Convert.ToHexStringLower(hash.Hash!);
    }

    /// <summary>Writes the vocabulary's files.</summary>
    private static void WriteVocabulary(StagedFolder staged, ExportedModel model)
    {
        foreach (var name in ModelFolder.VocabularyFileNames)
        {
            using var from = model.Vocabulary.OpenFile(name);
            using var to = File.Create(staged.File(name));
            from.CopyTo(to);
        }

        using (var tokenizer = File.Create(staged.File(TokenizerJson.FileName)))
            TokenizerJson.Write(tokenizer, model.Vocabulary);
        using var configuration = File.Create(staged.File(TokenizerConfigurationFileName));
        using var writer = new Utf8JsonWriter(configuration, new JsonWriterOptions { Indented = true });
        writer.WriteStartObject();
        writer.WriteString("tokenizer_class", "GPT2Tokenizer");
        writer.WriteNumber("model_max_length", model.Shape.ContextLength);
        writer.WriteBoolean("add_prefix_space", false);

        // Named even where there is none: the library would add GPT-2's own, as an id that the model has no row for.
        var endOfText = model.Vocabulary.EndOfText is { } id ? model.Vocabulary.WordOf(id) : null;
        foreach (var name in new[] { "bos_token", "eos_token", "unk_token" })
            writer.WriteString(name, endOfText);

        writer.WriteEndObject();
    }

    private static void WriteGeneration(StagedFolder staged, int? endOfText)
    {
        using var file = File.Create(staged.File(GenerationFileName));
        using var writer = new Utf8JsonWriter(file, new JsonWriterOptions { Indented = true });
        writer.WriteStartObject();
        writer.WriteBoolean("do_sample", true);
        writer.WriteNumber("top_k", new Core.Specification.SamplingOptions().TopK);
        if (endOfText is { } id)
        {
            writer.WriteNumber("bos_token_id", id);
            writer.WriteNumber("eos_token_id", id);
        }

        writer.WriteEndObject();
    }

    private static string TorchName(WeightType type) => type switch
    {
        WeightType.Float32 => "float32",
        WeightType.Float16 => "float16",
        WeightType.BFloat16 => "bfloat16",
        _ => throw new UserErrorException("q8_0 goes with --format gguf only; use fp32, fp16 or bf16."),
    };
}

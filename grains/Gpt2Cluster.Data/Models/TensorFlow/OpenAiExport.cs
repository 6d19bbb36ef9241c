using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Provenance;
using Gpt2Cluster.Data.Models.Exports;
using Gpt2Cluster.Data.Storage;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Models.TensorFlow;

/// <summary>
/// Writes a folder as OpenAI published GPT-2: a TensorFlow checkpoint (version 2, a "tensor bundle": the layout of
/// <c>tensor_bundle.proto</c>) under the variables' names of the original <c>model.py</c>, <c>hparams.json</c>,
/// <c>encoder.json</c> and <c>vocab.bpe</c>. It appears whole or not at all.
/// </summary>
public static class OpenAiExport
{
    /// <summary>The file of the variables.</summary>
    internal const string DataFileName = $"{Prefix}.data-00000-of-00001";

    private const string CheckpointFileName = "checkpoint";
    private const string Prefix = "model.ckpt";
    private const string IndexFileName = $"{Prefix}.index";
    private const string ShapeFileName = "hparams.json";
    private const string TokensFileName = "encoder.json";
    private const string MergesFileName = "vocab.bpe";
    private const int PieceElements = 1 << 20;
    private const int BufferBytes = 1 << 20;

    private static readonly string[] FileNames =
    [
        CheckpointFileName, IndexFileName, DataFileName, ShapeFileName, TokensFileName, MergesFileName, Origin.FileName,
    ];

    /// <summary>Refuses a place that an export may not take.</summary>
    /// <exception cref="UserErrorException">It is taken.</exception>
    public static void Check(string path, bool overwrites) =>
        ReplacedPlace.Check(path, overwrites, name => Array.IndexOf(FileNames, name) >= 0);

    /// <summary>Writes the folder.</summary>
    /// <exception cref="UserErrorException">The place is taken.</exception>
    public static void Write(ExportedModel model, ExportRequest wish)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(wish);
        Check(wish.Path, wish.Overwrites);
        CheckVocabulary(model);
        using var staged = new StagedFolder(wish.Path);
        File.WriteAllText(
            staged.File(CheckpointFileName),
            $"model_checkpoint_path: \"{Prefix}\"\nall_model_checkpoint_paths: \"{Prefix}\"\n");
        WriteShape(staged.File(ShapeFileName), model.Shape);
        if (model.HasVocabulary)
        {
            Copy(model, "vocab.json", staged.File(TokensFileName));
            Copy(model, "merges.txt", staged.File(MergesFileName));
        }

        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var entries = WriteData(staged.File(DataFileName), model.Weights, wish, hash);
        using (var index = new FileStream(staged.File(IndexFileName), FileMode.CreateNew, FileAccess.Write))
            TableWriter.Write(index, entries);
        var sha256 = Convert.ToHexStringLower(hash.GetHashAndReset());
        File.WriteAllText(staged.File(Origin.FileName), (model.Origin with { WeightsSha256 = sha256 }).Write());
        ReplacedPlace.Publish(staged, wish.Path);
    }

    /// <summary>OpenAI's programs look the end-of-text token up by its word, and know no other.</summary>
    private static void CheckVocabulary(ExportedModel model)
    {
        var vocabulary = model.Vocabulary;
        var word = vocabulary.EndOfText is { } id ? vocabulary.WordOf(id) : null;
        if (!model.HasVocabulary || word == Gpt2Vocabulary.EndOfTextWord)
            return;
        var own = word is null ? "has none" : $"has {word}";
        throw new UserErrorException($"OpenAI's layout has no other end-of-text token than "
            + $"{Gpt2Vocabulary.EndOfTextWord}, and the model's vocabulary {own}; use --format hf or gguf.");
    }

    /// <summary>The variables in the order of their names' bytes, as TensorFlow saves them.</summary>
    private static IEnumerable<(string Name, ParameterSlice Slice)> Variables(ParameterLayout layout) =>
        layout.Slices.Select(slice => (Name: NameOf(slice), Slice: slice)).OrderBy(
            variable => variable.Name, StringComparer.Ordinal);

    private static List<(byte[] Key, byte[] Value)> WriteData(
        string path, IModelReader model, ExportRequest wish, IncrementalHash hash)
    {
        var entries = new List<(byte[] Key, byte[] Value)> { ([], Header()) };
        using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, BufferBytes);
        var done = 0L;
        foreach (var (name, slice) in Variables(model.Layout))
        {
            var start = file.Position;
            var crc = 0u;
            for (var offset = 0L; offset < slice.Length; offset += PieceElements)
            {
                wish.Cancellation.ThrowIfCancellationRequested();
                var piece = new float[Math.Min(PieceElements, slice.Length - offset)];
                model.ReadParameters(slice.Start + offset, piece);
                var bytes = new byte[WeightType.Float32.Bytes(piece.Length)];
                WeightType.Float32.Encode(name, piece, bytes);
                crc = TableWriter.Crc32C(bytes, crc);
                hash.AppendData(bytes);
                file.Write(bytes);
                wish.Progress?.Report(done += piece.Length);
            }

            entries.Add((Encoding.UTF8.GetBytes(name), Entry(slice, start, file.Position - start, crc)));
        }

        return entries;
    }

    /// <summary><c>BundleHeaderProto</c>: one file of data, little endian, written by producer 1.</summary>
    private static byte[] Header() => [0x08, 1, 0x1a, 2, 0x08, 1];

    /// <summary><c>BundleEntryProto</c>: fp32 (type 1), the shape, place, length and checksum.</summary>
    private static byte[] Entry(ParameterSlice slice, long start, long length, uint crc)
    {
        using var shape = new MemoryStream();
        foreach (var dimension in DimensionsOf(slice))
        {
            using var size = new MemoryStream();
            Field(size, 1, (ulong)dimension);
            Field(shape, 2, size);
        }

        using var entry = new MemoryStream();
        Field(entry, 1, 1);
        Field(entry, 2, shape);
        if (start > 0)
            Field(entry, 4, (ulong)start);
        Field(entry, 5, (ulong)length);
        TableWriter.WriteVarint(entry, (6 << 3) | 5);
        Span<byte> checksum = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(checksum, TableWriter.Masked(crc));
        entry.Write(checksum);
        return entry.ToArray();
    }

    private static void Field(Stream message, int number, ulong value)
    {
        TableWriter.WriteVarint(message, (ulong)number << 3);
        TableWriter.WriteVarint(message, value);
    }

    private static void Field(Stream message, int number, MemoryStream inner)
    {
        TableWriter.WriteVarint(message, ((ulong)number << 3) | 2);
        TableWriter.WriteVarint(message, (ulong)inner.Length);
        inner.WriteTo(message);
    }

    /// <summary>The original's linear layers are convolutions of width 1, with weights of three dimensions.</summary>
    private static IEnumerable<int> DimensionsOf(ParameterSlice slice) =>
        slice.Layer >= 0 && slice.Dimensions.Count == 2 ? slice.Dimensions.Prepend(1) : slice.Dimensions;

    private static string NameOf(ParameterSlice slice) => slice.Parameter.Id.Role switch
    {
        ParameterRole.TokenEmbedding => "model/wte",
        ParameterRole.PositionEmbedding => "model/wpe",
        ParameterRole.FinalNormGain => "model/ln_f/g",
        ParameterRole.FinalNormBias => "model/ln_f/b",
        ParameterRole.Norm1Gain => OfBlock(slice, "ln_1/g"),
        ParameterRole.Norm1Bias => OfBlock(slice, "ln_1/b"),
        ParameterRole.QkvWeight => OfBlock(slice, "attn/c_attn/w"),
        ParameterRole.QkvBias => OfBlock(slice, "attn/c_attn/b"),
        ParameterRole.OutWeight => OfBlock(slice, "attn/c_proj/w"),
        ParameterRole.OutBias => OfBlock(slice, "attn/c_proj/b"),
        ParameterRole.Norm2Gain => OfBlock(slice, "ln_2/g"),
        ParameterRole.Norm2Bias => OfBlock(slice, "ln_2/b"),
        ParameterRole.UpWeight => OfBlock(slice, "mlp/c_fc/w"),
        ParameterRole.UpBias => OfBlock(slice, "mlp/c_fc/b"),
        ParameterRole.DownWeight => OfBlock(slice, "mlp/c_proj/w"),
        ParameterRole.DownBias => OfBlock(slice, "mlp/c_proj/b"),
        _ => throw new ArgumentOutOfRangeException(nameof(slice), slice.Name, "It is no variable of the original."),
    };

    private static string OfBlock(ParameterSlice slice, string name) =>
        string.Create(CultureInfo.InvariantCulture, $"model/h{slice.Layer}/{name}");

    private static void WriteShape(string path, ModelShape shape)
    {
        using var file = File.Create(path);
        using var writer = new Utf8JsonWriter(file);
        writer.WriteStartObject();
        writer.WriteNumber("n_vocab", shape.VocabularySize);
        writer.WriteNumber("n_ctx", shape.ContextLength);
        writer.WriteNumber("n_embd", shape.Width);
        writer.WriteNumber("n_head", shape.HeadCount);
        writer.WriteNumber("n_layer", shape.LayerCount);
        writer.WriteEndObject();
    }

    private static void Copy(ExportedModel model, string name, string path)
    {
        using var from = model.Vocabulary.OpenFile(name);
        using var to = File.Create(path);
        from.CopyTo(to);
    }
}

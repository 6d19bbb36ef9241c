using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Provenance;
using Gpt2Cluster.Data.Models.Exports;
using Gpt2Cluster.Data.Storage;

namespace Gpt2Cluster.Data.Models.Gguf;

/// <summary>
/// Writes a model as llama.cpp, Ollama and LM Studio read it: one file with weights and tokenizer under the names of
/// llama.cpp's architecture <c>gpt2</c>. Linear weights are transposed to torch's (outputs, inputs); vectors and
/// positions are fp32 whatever the type, and rows that are no multiple of 32 stay fp16 where others are in blocks.
/// </summary>
public static class GgufExport
{
    /// <summary>What such a file's name ends with.</summary>
    public const string Extension = ".gguf";

    /// <summary>Ollama's recipe beside the file (https://docs.ollama.com/modelfile).</summary>
    public const string ModelfileName = "Modelfile";

    private const int PieceElements = 1 << 20;
    private const int BufferBytes = 1 << 20;

    private static readonly JsonSerializerOptions Plainly = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>llama.cpp's kinds of tokens.</summary>
    private const int NormalToken = 1;
    private const int ControlToken = 3;
    private const int UnusedToken = 5;

    /// <summary>Where the file comes: itself if that is named, else in a folder under the model's name.</summary>
    public static string PlaceOf(string path, string name)
    {
        ArgumentNullException.ThrowIfNull(path);
        return IsFile(path) ? path : Path.Combine(path, name + Extension);
    }

    /// <summary>Refuses a place that an export may not take.</summary>
    /// <param name="path">The file.</param>
    /// <param name="overwrites">Whether an earlier one is replaced.</param>
    /// <exception cref="UserErrorException">It is taken.</exception>
    public static void Check(string path, bool overwrites)
    {
        if (Directory.Exists(path))
            throw new UserErrorException($"{path} is a folder; name another file.");
        if (File.Exists(path) && !overwrites)
            throw new UserErrorException($"{path} exists already; name another file, or replace it with --overwrite.");
    }

    /// <summary>Writes the file, and the recipe where it is asked for.</summary>
    /// <exception cref="UserErrorException">The place is taken, or a weight does not fit the type.</exception>
    public static void Write(ExportedModel model, ExportRequest wish)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(wish);
        var place = Path.GetFullPath(wish.Path);
        var recipe = Path.Combine(Path.GetDirectoryName(place)!, ModelfileName);
        Check(place, wish.Overwrites);
        if (wish.IsInFolder)
            Check(recipe, wish.Overwrites);
        var parent = Directory.CreateDirectory(Path.GetDirectoryName(place)!).FullName;
        var staged = Path.Combine(parent, $".{Path.GetFileName(place)}.{Guid.NewGuid():N}.partial");
        try
        {
            using (var file = new FileStream(staged, FileMode.CreateNew, FileAccess.Write, FileShare.None, BufferBytes))
                WriteFile(file, model, wish);
            Check(place, wish.Overwrites);
            DurableFiles.PublishFile(staged, place);
            if (wish.IsInFolder)
                WriteRecipe(recipe, Path.GetFileName(place), StopOf(model));
        }
        finally
        {
            File.Delete(staged);
        }
    }

    private static string StopOf(ExportedModel model) => model.Vocabulary.EndOfText is { } id
        ? $"PARAMETER stop {JsonSerializer.Serialize(model.Vocabulary.WordOf(id), Plainly)}\n"
        : "";

    private static void WriteRecipe(string path, string fileName, string stop) => File.WriteAllText(
        path,
        $$$"""
        # ollama create NAME -f {{{ModelfileName}}}
        FROM ./{{{fileName}}}
        TEMPLATE "{{ .Prompt }}"
        {{{stop}}}
        """.ReplaceLineEndings("\n"));

    private static bool IsFile(string path) => path.EndsWith(Extension, StringComparison.OrdinalIgnoreCase);

    private static void WriteFile(Stream file, ExportedModel model, ExportRequest wish)
    {
        var writer = new GgufWriter();
        AddKeys(writer, model, wish.Type);
        AddTokenizer(writer, model);
        var slices = Ordered(model.Weights.Layout);
        foreach (var slice in slices)
            writer.AddTensor(NameOf(slice), DimensionsOf(slice), TypeOf(slice, wish.Type));
        writer.WriteHead(file);
        var done = 0L;
        foreach (var slice in slices)
        {
            var type = TypeOf(slice, wish.Type);
            foreach (var piece in Pieces(model.Weights, slice))
            {
                wish.Cancellation.ThrowIfCancellationRequested();
                var bytes = new byte[type.Bytes(piece.Length)];
                type.Encode(slice.Name, piece, bytes);
                file.Write(bytes);
                wish.Progress?.Report(done += piece.Length);
            }

            var length = type.Bytes(slice.Length);
            file.Write(new byte[GgufWriter.Padded(length) - length]);
        }
    }

    private static void AddKeys(GgufWriter writer, ExportedModel model, WeightType type)
    {
        var (shape, origin) = (model.Shape, model.Origin);
        writer.Add("general.architecture", "gpt2");
        writer.Add("general.name", origin.Run ?? origin.Name);
        writer.Add("general.file_type", FileType(type));
        writer.Add("general.alignment", (uint)GgufWriter.Alignment);
        if (origin.EffectiveLicense is { } license)
            writer.Add("general.license", license);
        if (origin.Author is { } author)
            writer.Add("general.author", author);
        if (ModelCard.BaseModel(origin) is { } baseModel)
        {
            writer.Add("general.base_model.count", 1);
            writer.Add("general.base_model.0.name", baseModel);
        }

        writer.Add(Origin.MetadataKey, model.Record);
        writer.Add("gpt2.context_length", (uint)shape.ContextLength);
        writer.Add("gpt2.embedding_length", (uint)shape.Width);
        writer.Add("gpt2.feed_forward_length", (uint)(4 * shape.Width));
        writer.Add("gpt2.block_count", (uint)shape.LayerCount);
        writer.Add("gpt2.attention.head_count", (uint)shape.HeadCount);
        writer.Add("gpt2.attention.layer_norm_epsilon", ModelShape.LayerNormEpsilon);
    }

    /// <summary>As many tokens as the embedding has rows: those that no vocabulary has are named and unused.</summary>
    private static void AddTokenizer(GgufWriter writer, ExportedModel model)
    {
        var (tokens, vocabulary) = (model.Words(), model.Vocabulary);
        writer.Add("tokenizer.ggml.model", "gpt2");
        writer.Add("tokenizer.ggml.pre", "gpt-2");
        writer.Add("tokenizer.ggml.tokens", [.. tokens.Select((token, id) => token ?? PaddingWord(id))]);
        writer.Add("tokenizer.ggml.token_type", [.. tokens.Select((token, id) =>
            token is null ? UnusedToken : vocabulary.IsText(id) ? NormalToken : ControlToken)]);
        writer.Add("tokenizer.ggml.merges", model.Merges());
        if (vocabulary.EndOfText is { } end && end < model.Shape.VocabularySize)
        {
            writer.Add("tokenizer.ggml.bos_token_id", (uint)end);
            writer.Add("tokenizer.ggml.eos_token_id", (uint)end);
        }

        writer.Add("tokenizer.ggml.add_bos_token", false);
    }

    private static string PaddingWord(int id) => string.Create(CultureInfo.InvariantCulture, $"[PAD{id}]");

    /// <summary>llama.cpp's number for what most of a file's weights are.</summary>
    private static uint FileType(WeightType type) => type switch
    {
        WeightType.Float32 => 0,
        WeightType.Float16 => 1,
        WeightType.Q8 => 7,
        _ => 32,
    };

    /// <summary>Embeddings first, as a file is read from its beginning; then blocks, then the last norm.</summary>
    private static List<ParameterSlice> Ordered(ParameterLayout layout) =>
        [.. layout.Slices.OrderBy(slice => slice.Parameter.Id.Role switch
        {
            ParameterRole.TokenEmbedding => 0,
            ParameterRole.PositionEmbedding => 1,
            ParameterRole.FinalNormGain or ParameterRole.FinalNormBias => 3,
            _ => 2,
        })];

    private static string NameOf(ParameterSlice slice) => slice.Parameter.Id.Role switch
    {
        ParameterRole.TokenEmbedding => "token_embd.weight",
        ParameterRole.PositionEmbedding => "position_embd.weight",
        ParameterRole.FinalNormGain => "output_norm.weight",
        ParameterRole.FinalNormBias => "output_norm.bias",
        ParameterRole.Norm1Gain => OfBlock(slice, "attn_norm.weight"),
        ParameterRole.Norm1Bias => OfBlock(slice, "attn_norm.bias"),
        ParameterRole.QkvWeight => OfBlock(slice, "attn_qkv.weight"),
        ParameterRole.QkvBias => OfBlock(slice, "attn_qkv.bias"),
        ParameterRole.OutWeight => OfBlock(slice, "attn_output.weight"),
        ParameterRole.OutBias => OfBlock(slice, "attn_output.bias"),
        ParameterRole.Norm2Gain => OfBlock(slice, "ffn_norm.weight"),
        ParameterRole.Norm2Bias => OfBlock(slice, "ffn_norm.bias"),
        ParameterRole.UpWeight => OfBlock(slice, "ffn_up.weight"),
        ParameterRole.UpBias => OfBlock(slice, "ffn_up.bias"),
        ParameterRole.DownWeight => OfBlock(slice, "ffn_down.weight"),
        ParameterRole.DownBias => OfBlock(slice, "ffn_down.bias"),
        _ => throw new ArgumentOutOfRangeException(nameof(slice), slice.Name, "It has no name in a GGUF file."),
    };

    private static string OfBlock(ParameterSlice slice, string name) =>
        string.Create(CultureInfo.InvariantCulture, $"blk.{slice.Layer}.{name}");

    private static bool IsLinear(ParameterSlice slice) => slice.Layer >= 0 && slice.Dimensions.Count == 2;

    private static IReadOnlyList<int> DimensionsOf(ParameterSlice slice) =>
        IsLinear(slice) ? [slice.Dimensions[1], slice.Dimensions[0]] : slice.Dimensions;

    private static WeightType TypeOf(ParameterSlice slice, WeightType wanted)
    {
        if (slice.Dimensions.Count == 1 || slice.Parameter.Id.Role == ParameterRole.PositionEmbedding)
            return WeightType.Float32;
        return wanted == WeightType.Q8 && DimensionsOf(slice)[^1] % WeightTypes.BlockLength != 0
            ? WeightType.Float16
            : wanted;
    }

    /// <summary>A tensor in the file's order: whole and transposed, or piece by piece as it lies.</summary>
    private static IEnumerable<float[]> Pieces(IModelReader model, ParameterSlice slice)
    {
        if (IsLinear(slice))
        {
            yield return Transposed(model, slice);
            yield break;
        }

        var row = slice.Dimensions[^1];
        var most = Math.Max(1, PieceElements / row) * row;
        for (var start = slice.Start; start < slice.End; start += most)
        {
            var piece = new float[Math.Min(most, slice.End - start)];
            model.ReadParameters(start, piece);
            yield return piece;
        }
    }

    private static float[] Transposed(IModelReader model, ParameterSlice slice)
    {
        var (inputs, outputs) = (slice.Dimensions[0], slice.Dimensions[1]);
        var turned = new float[slice.Length];
        var row = new float[outputs];
        for (var input = 0; input < inputs; input++)
        {
            model.ReadParameters(slice.Start + ((long)input * outputs), row);
            for (var output = 0; output < outputs; output++)
                turned[((long)output * inputs) + input] = row[output];
        }

        return turned;
    }
}

using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Provenance;
using Gpt2Cluster.Data.Models.Safetensors;
using Gpt2Cluster.Data.Storage;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Models.HuggingFace;

/// <summary>Gives fp32 parameters from a flat index on, into a buffer that must be filled.</summary>
/// <param name="start">Flat index of the first.</param>
/// <param name="into">Where they go.</param>
public delegate void ParameterSource(long start, Span<float> into);

/// <summary>
/// Writes a model folder that <see cref="ModelFolder"/> and Hugging Face's <c>AutoModelForCausalLM</c> read: names
/// with the prefix <c>transformer.</c>, no head (it is tied), and the vocabulary beside it. The folder appears whole
/// or not at all.
/// </summary>
public static class ModelFolderWriter
{
    private const int PieceElements = 1 << 20;
    private const int BufferBytes = 1 << 20;

    /// <summary>Writes a model.</summary>
    /// <param name="path">The folder; must not exist, or be empty.</param>
    /// <param name="layout">The order of the source's parameters.</param>
    /// <param name="source">Where the parameters come from; asked for ascending ranges.</param>
    /// <param name="vocabulary">The model's vocabulary; null for the built-in one.</param>
    /// <param name="origin">Where the model comes from; null for no record of it.</param>
    /// <param name="progress">Told the count of parameters written.</param>
    /// <param name="cancellation">Stops between pieces; nothing is left behind.</param>
    /// <exception cref="UserErrorException">The place is taken.</exception>
    public static void Write(
        string path,
        ParameterLayout layout,
        ParameterSource source,
        Gpt2Vocabulary? vocabulary = null,
        Origin? origin = null,
        IProgress<long>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(layout);
        ArgumentNullException.ThrowIfNull(source);
        var own = vocabulary ?? Gpt2Vocabulary.BuiltIn;
        using var staged = new StagedFolder(path);
        using (var configuration = File.Create(staged.File(ModelConfiguration.FileName)))
            ModelConfiguration.Write(configuration, layout.Shape, own.EndOfTextOf(layout.Shape.VocabularySize));
        WriteWeights(staged.File(ModelFolder.WeightsFileName), layout, source, progress, cancellation);
        WriteVocabulary(staged, own);
        if (origin is not null)
        {
            File.WriteAllText(staged.File(Origin.FileName), origin.Write());
            StoredOrigin.Seal(staged.Path);
        }

        staged.Publish();
    }

    private static void WriteWeights(
        string path,
        ParameterLayout layout,
        ParameterSource source,
        IProgress<long>? progress,
        CancellationToken cancellation)
    {
        using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, BufferBytes);
        var writer = new SafetensorsWriter(
            file, layout.Slices.Select(slice => (ModelFolder.NamePrefix + slice.Name, slice.Dimensions)));
        var piece = new float[(int)Math.Min(PieceElements, layout.Length)];
        for (var start = 0L; start < layout.Length; start += piece.Length)
        {
            cancellation.ThrowIfCancellationRequested();
            var part = piece.AsSpan(0, (int)Math.Min(piece.Length, layout.Length - start));
            source(start, part);
            writer.Write(part);
            progress?.Report(start + part.Length);
        }

        writer.Complete();
    }

    private static void WriteVocabulary(StagedFolder staged, Gpt2Vocabulary vocabulary)
    {
        foreach (var name in ModelFolder.VocabularyFileNames)
        {
            using var from = vocabulary.OpenFile(name);
            using var to = File.Create(staged.File(name));
            from.CopyTo(to);
        }
    }
}

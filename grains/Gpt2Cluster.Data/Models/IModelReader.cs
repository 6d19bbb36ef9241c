using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Models;

/// <summary>
/// A GPT-2 that somebody brings, open for reading, whatever its files are. Reading is safe from several threads.
/// </summary>
public interface IModelReader : IDisposable
{
    /// <summary>Where it lies.</summary>
    string Path { get; }

    /// <summary>The order of the parameters.</summary>
    ParameterLayout Layout { get; }

    /// <summary>Its shape.</summary>
    ModelShape Shape => Layout.Shape;

    /// <summary>The type that most of its weights are kept in.</summary>
    Exports.WeightType StoredType => Exports.WeightType.Float32;

    /// <summary>The files it has in the store. They can be opened as long as this is open.</summary>
    IReadOnlyList<ModelFile> Files => ModelFile.Of(this);

    /// <summary>
    /// Its <c>vocab.json</c> or <c>merges.txt</c>, as Hugging Face's transformers write them; null when it brings no
    /// vocabulary.
    /// </summary>
    /// <param name="fileName">One of <see cref="HuggingFace.ModelFolder.VocabularyFileNames"/>.</param>
    /// <exception cref="UserErrorException">What it brings cannot be put so.</exception>
    Stream? OpenVocabulary(string fileName);

    /// <summary>Its vocabulary, or the built-in one when it brings none.</summary>
    /// <exception cref="UserErrorException">Its files are no vocabulary that can be used.</exception>
    Gpt2Vocabulary ReadVocabulary()
    {
        using var tokens = OpenVocabulary("vocab.json");
        using var merges = OpenVocabulary("merges.txt");
        return tokens is null || merges is null
            ? Gpt2Vocabulary.BuiltIn
            : Gpt2Vocabulary.Read(tokens, merges, default, Path);
    }

    /// <summary>Reads parameters from the flat index <paramref name="start"/> on, as fp32.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range leaves the model.</exception>
    void ReadParameters(long start, Span<float> into);
}

/// <summary>
/// One way to keep a model in files. A new one is a class of this interface and a line in <see cref="ModelFormats"/>.
/// </summary>
public interface IModelFormat
{
    /// <summary>What people call it.</summary>
    string Name { get; }

    /// <summary>Whether what lies at a path looks like it; only opening tells whether it is sound.</summary>
    bool IsAt(string path);

    /// <summary>Opens a model and checks that every tensor is there, in its shape.</summary>
    /// <exception cref="UserErrorException">A file or tensor is missing, misshapen or unknown.</exception>
    IModelReader Open(string path);
}

/// <summary>The ways to keep a model in files, and which of them is at a path.</summary>
public static class ModelFormats
{
    private static readonly HuggingFace.HuggingFaceFormat HuggingFace = new();
    private static readonly OpenAi.OpenAiFormat OpenAi = new();

    /// <summary>All of them, in the order they are looked for.</summary>
    public static IReadOnlyList<IModelFormat> All { get; } = [HuggingFace, OpenAi];

    /// <summary>Opens the model at a path; where nothing looks like one it says what a model folder has.</summary>
    /// <exception cref="UserErrorException">There is no sound model.</exception>
    public static IModelReader Open(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (IsAdapter(path))
        {
            throw new UserErrorException(
                $"{path} holds adapters, not a whole model; bring them into the store with the model they belong to: "
                + "'model import ADAPTER --base MODEL'.");
        }

        return (All.FirstOrDefault(format => format.IsAt(path)) ?? HuggingFace).Open(path);
    }

    /// <summary>Whether a path holds PEFT's adapters and no whole model.</summary>
    public static bool IsAdapter(string path) => Peft.PeftAdapter.IsIn(path) && !All.Any(format => format.IsAt(path));
}

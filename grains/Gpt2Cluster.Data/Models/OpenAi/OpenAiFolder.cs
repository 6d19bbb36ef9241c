using System.Text.RegularExpressions;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Data.Models.TensorBundle;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Models.OpenAi;

/// <summary>
/// A GPT-2 in OpenAI's layout. Products lie as <c>(1, in, out)</c>, which is the layout's order. Reading is safe from
/// several threads.
/// </summary>
internal sealed partial class OpenAiFolder : IModelReader
{
    /// <summary>Name of the file with the shape.</summary>
    public const string ShapeFileName = HyperParameters.FileName;

    private const string StateFileName = "checkpoint";
    private const int LongestStateBytes = 1 << 20;

    private readonly NamedParameters parameters;

    private OpenAiFolder(string path, NamedParameters parameters)
    {
        Path = path;
        this.parameters = parameters;
    }

    /// <inheritdoc/>
    public string Path { get; }

    /// <inheritdoc/>
    public ParameterLayout Layout => parameters.Layout;

    /// <summary>Opens a folder and checks that every variable is there, in its shape.</summary>
    /// <exception cref="UserErrorException">A file or variable is missing, misshapen or unknown; all variables are
    /// named at once.</exception>
    public static OpenAiFolder Open(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        var written = HyperParameters.Find(path);
        var weights = BundleWeights.Open(Prefix(path));
        try
        {
            var shape = written ?? HyperParameters.Guess(weights);
            return new OpenAiFolder(path, new NamedParameters(
                new ParameterLayout(shape),
                weights,
                OpenAiNames.Of,
                OpenAiNames.IsExtra,
                written is null ? "what its own shapes say" : $"its {ShapeFileName}"));
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public Stream? OpenVocabulary(string fileName)
    {
        var tokens = System.IO.Path.Combine(Path, "encoder.json");
        var merges = System.IO.Path.Combine(Path, "vocab.bpe");
        if (File.Exists(tokens) && File.Exists(merges))
            return ElementFile.OpenStream(fileName == "vocab.json" ? tokens : merges);
        return Gpt2Vocabulary.IsIn(Path) ? ElementFile.OpenStream(System.IO.Path.Combine(Path, fileName)) : null;
    }

    /// <inheritdoc/>
    public void ReadParameters(long start, Span<float> into) => parameters.Read(start, into);

    /// <inheritdoc/>
    public void Dispose() => parameters.Dispose();

    /// <summary>
    /// The checkpoint that the file <c>checkpoint</c> names, wherever it lay when that was written, or the only one.
    /// </summary>
    private static string Prefix(string folder)
    {
        var named = NamedCheckpoint(System.IO.Path.Combine(folder, StateFileName));
        if (named is not null && File.Exists(System.IO.Path.Combine(folder, named + BundleWeights.IndexSuffix)))
            return System.IO.Path.Combine(folder, named);
        var found = Directory.EnumerateFiles(folder, "*" + BundleWeights.IndexSuffix)
            .Order(StringComparer.Ordinal)
            .ToList();
        return found.Count switch
        {
            1 => found[0][..^BundleWeights.IndexSuffix.Length],
            0 => throw new UserErrorException($"There is no checkpoint in {folder}: it needs "
                + $"{named ?? "model.ckpt"}{BundleWeights.IndexSuffix} and the data that goes with it."),
            _ => throw new UserErrorException($"{folder} has {found.Count} checkpoints and its file "
                + $"\"{StateFileName}\" names none of them; leave one there, or name one in its "
                + "model_checkpoint_path."),
        };
    }

    // A text of protocol buffers, of which one line is wanted: model_checkpoint_path: "model-1000".
    private static string? NamedCheckpoint(string path)
    {
        if (!File.Exists(path) || new FileInfo(path).Length > LongestStateBytes)
            return null;
        try
        {
            var match = File.ReadLines(path).Select(line => Current().Match(line)).FirstOrDefault(one => one.Success);
            return match?.Groups[1].Value.Split('/', '\\')[^1];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{path} cannot be read ({error.Message}).", error);
        }
    }

    [GeneratedRegex("""\A\s*model_checkpoint_path:\s*"([^"]+)"\s*\z""")]
    private static partial Regex Current();
}

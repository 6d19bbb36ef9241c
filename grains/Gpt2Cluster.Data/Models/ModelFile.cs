using Gpt2Cluster.Data.Models.HuggingFace;

namespace Gpt2Cluster.Data.Models;

/// <summary>One of the files that a model has in the store, wherever it comes from.</summary>
/// <param name="Name">One of <see cref="ModelFolder.FileNames"/>.</param>
/// <param name="Open">Opens it at its beginning; its length is known, and it can be read forwards.</param>
public sealed record ModelFile(string Name, Func<Stream> Open)
{
    /// <summary>Where its bytes come from: what is written to these files changes it.</summary>
    public IReadOnlyList<string> Sources { get; init; } = [];

    /// <summary>Its length in bytes.</summary>
    public long Bytes
    {
        get
        {
            using var stream = Open();
            return stream.Length;
        }
    }

    /// <summary>All files that a model may be read from.</summary>
    internal static string[] SourcesOf(IModelReader model) =>
        Directory.Exists(model.Path) ? Directory.GetFiles(model.Path) : [];

    /// <summary>Those that lie in a folder, as they are.</summary>
    public static IReadOnlyList<ModelFile> InFolder(string folder) =>
    [
        .. ModelFolder.FileNames
            .Select(name => (Name: name, Path: Path.Combine(folder, name)))
            .Where(file => File.Exists(file.Path))
            .Select(file => new ModelFile(file.Name, () => ElementFile.OpenStream(file.Path))
            {
                Sources = [file.Path],
            }),
    ];

    /// <summary>
    /// Those that a model gets, whatever its own files are: its configuration and weights written anew, in fp32, and
    /// the vocabulary it brings. They have the same bytes each time.
    /// </summary>
    /// <param name="model">Must stay open while they are read.</param>
    public static IReadOnlyList<ModelFile> Of(IModelReader model)
    {
        ArgumentNullException.ThrowIfNull(model);
        var sources = SourcesOf(model);
        var files = new List<ModelFile>
        {
            new(ModelConfiguration.FileName, () =>
            {
                var configuration = new MemoryStream();
                ModelConfiguration.Write(
                    configuration, model.Shape, model.ReadVocabulary().EndOfTextOf(model.Shape.VocabularySize));
                configuration.Position = 0;
                return configuration;
            }),
            new(ModelFolder.WeightsFileName, () => new WeightsStream(model)) { Sources = sources },
        };
        foreach (var name in ModelFolder.VocabularyFileNames)
        {
            using var brought = model.OpenVocabulary(name);
            if (brought is not null)
                files.Add(new(name, () => model.OpenVocabulary(name)!) { Sources = sources });
        }

        return files;
    }
}

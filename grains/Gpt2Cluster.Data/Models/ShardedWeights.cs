using System.Text.Json;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Models;

/// <summary>
/// Weights in several files with an index of which tensor is in which, as transformers writes large models:
/// <c>{"weight_map": {"wte.weight": "model-00001-of-00002.safetensors", ...}}</c>. Every file is checked whole when the
/// index is opened. Reading is safe from several threads.
/// </summary>
internal sealed class ShardedWeights : IModelWeights
{
    private const int LongestBytes = 16 << 20;
    private const int MostFiles = 1_000;

    private readonly List<IModelWeights> files;
    private readonly Dictionary<string, IModelWeights> fileOf;

    private ShardedWeights(string path, List<IModelWeights> files, Dictionary<string, IModelWeights> fileOf)
    {
        Path = path;
        this.files = files;
        this.fileOf = fileOf;
        Tensors = [.. files.SelectMany(file => file.Tensors).Where(tensor => fileOf.ContainsKey(tensor.Name))];
    }

    /// <summary>The index.</summary>
    public string Path { get; }

    /// <summary>The tensors that the index names, file by file.</summary>
    public IReadOnlyList<WeightTensor> Tensors { get; }

    /// <summary>Opens an index and all its files, which lie beside it.</summary>
    /// <param name="path">The index.</param>
    /// <param name="open">Opens one file.</param>
    /// <exception cref="UserErrorException">A file is missing or wrong, or lacks what the index says of it.</exception>
    public static ShardedWeights Open(string path, Func<string, IModelWeights> open)
    {
        var map = ReadMap(path);
        var names = FileNames(path, map);
        var files = new Dictionary<string, IModelWeights>(StringComparer.Ordinal);
        try
        {
            foreach (var name in names)
                files.Add(name, open(System.IO.Path.Combine(System.IO.Path.GetDirectoryName(path)!, name)));
            var lost = map.FirstOrDefault(pair => files[pair.Value].Find(pair.Key) is null);
            if (lost.Key is not null)
                throw Wrong(path, $"{lost.Key} is not in {lost.Value}");
            return new ShardedWeights(
                path,
                [.. names.Select(name => files[name])],
                map.ToDictionary(pair => pair.Key, pair => files[pair.Value], StringComparer.Ordinal));
        }
        catch
        {
            foreach (var file in files.Values)
                file.Dispose();
            throw;
        }
    }

    /// <summary>The names of the files that an index names, in order.</summary>
    /// <exception cref="UserErrorException">It is no sound index.</exception>
    public static IReadOnlyList<string> FileNames(string path) => FileNames(path, ReadMap(path));

    /// <inheritdoc/>
    public WeightTensor? Find(string name) => fileOf.GetValueOrDefault(name)?.Find(name);

    /// <inheritdoc/>
    public void ReadRange(string name, long startElement, Span<float> into)
    {
        if (!fileOf.TryGetValue(name, out var file))
            throw new ArgumentException($"{Path} has no tensor {name}", nameof(name));
        file.ReadRange(name, startElement, into);
    }

    /// <inheritdoc/>
    public void Dispose() => files.ForEach(file => file.Dispose());

    private static List<string> FileNames(string path, Dictionary<string, string> map)
    {
        List<string> names = [.. map.Values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        return names.Count <= MostFiles ? names : throw Wrong(path, $"it names {names.Count} files");
    }

    private static Dictionary<string, string> ReadMap(string path) =>
        JsonFile.Read(path, LongestBytes, root => ReadMap(path, root));

    private static Dictionary<string, string> ReadMap(string path, JsonElement root)
    {
        if (!root.TryGetProperty("weight_map", out var map) || map.ValueKind != JsonValueKind.Object)
            throw Wrong(path, "it has no weight_map");
        var files = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var entry in map.EnumerateObject())
        {
            // A name from a file never leads out of the folder.
            var name = entry.Value.ValueKind == JsonValueKind.String ? entry.Value.GetString()! : "";
            if (name.Length == 0 || name.AsSpan().ContainsAny("/\\\0:") || name.StartsWith('.'))
                throw Wrong(path, $"the file {JsonFile.Quote(entry.Value)} of {entry.Name} is no name of a file");
            if (!files.TryAdd(entry.Name, name))
                throw Wrong(path, $"it names {entry.Name} twice");
        }

        return files;
    }

    private static UserErrorException Wrong(string path, string fault) =>
        new($"{path} is no sound index of weights: {fault}; fetch or export the model again.");
}

using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Models.PyTorch;

/// <summary>
/// A file of tensors by <c>torch.save</c>, such as <c>pytorch_model.bin</c>, in both of its forms
/// (torch/serialization.py): an archive of a pickle and one member for each storage, and the older one, pickles with
/// the storages behind them. Nothing in it is run. Tensors may share storages and have any strides. Reading is safe
/// from several threads.
/// </summary>
internal sealed class TorchFile : IModelWeights
{
    private readonly ElementFile file;
    private readonly Dictionary<string, TorchTensor> byName;

    private TorchFile(ElementFile file, List<TorchTensor> tensors)
    {
        this.file = file;
        Tensors = tensors;
        byName = tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
    }

    /// <inheritdoc/>
    public string Path => file.Path;

    /// <inheritdoc/>
    public IReadOnlyList<WeightTensor> Tensors { get; }

    /// <summary>Opens a file and reads its pickle.</summary>
    /// <exception cref="UserErrorException">It is missing, or holds anything but tensors by name.</exception>
    public static TorchFile Open(string path)
    {
        var file = ElementFile.Open(path);
        try
        {
            var (root, places) = IsArchive(file) ? TorchArchive.Read(path, file) : OlderTorchFile.Read(file);
            return new TorchFile(file, [.. Named(root).Select(pair => Place(file, pair.Name, pair.Tensor, places))]);
        }
        catch (InvalidDataException error)
        {
            file.Dispose();
            throw new UserErrorException($"{path} cannot be read as tensors: {error.Message.TrimEnd('.')}; use the "
                + "model's safetensors file, or one from a source you trust saved anew.", error);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public WeightTensor? Find(string name) => byName.GetValueOrDefault(name);

    /// <inheritdoc/>
    public void ReadRange(string name, long startElement, Span<float> into)
    {
        if (!byName.TryGetValue(name, out var tensor) || tensor.ElementType is null)
            throw new ArgumentException($"{Path} has no tensor {name} that can be read", nameof(name));
        if (startElement < 0 || startElement > tensor.Length - into.Length)
            throw new ArgumentException(
                $"{into.Length} elements from {startElement} on leave {name}", nameof(startElement));
        tensor.Read(file, startElement, into);
    }

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();

    private static bool IsArchive(ElementFile file)
    {
        Span<byte> start = stackalloc byte[4];
        return file.ReadAvailable(start, 0) == start.Length && start.SequenceEqual("PK\u0003\u0004"u8);
    }

    private static IEnumerable<(string Name, PickledTensor Tensor)> Named(object? root)
    {
        if (root is not PickledDictionary dictionary)
            throw new InvalidDataException("it holds no dictionary of tensors");
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (key, value) in dictionary.Pairs)
        {
            if (key is not string name || value is not PickledTensor tensor)
                throw new InvalidDataException($"its entry \"{key}\" is no tensor");
            if (!names.Add(name))
                throw new InvalidDataException($"it has the tensor {name} twice");
            yield return (name, tensor);
        }
    }

    private static TorchTensor Place(
        ElementFile file,
        string name,
        PickledTensor tensor,
        IReadOnlyDictionary<string, (long Start, long Bytes)> places)
    {
        var storage = tensor.Storage;
        if (!places.TryGetValue(storage.Key, out var place))
            throw new InvalidDataException($"the storage {storage.Key} of {name} is not in it");
        var needed = (Int128)storage.Length * TensorGlobals.BytesOf(storage);
        if (needed > place.Bytes || place.Bytes > file.Bytes - place.Start)
            throw new InvalidDataException($"the storage {storage.Key} of {name} is cut short");
        return new TorchTensor(name, tensor, place.Start);
    }
}

namespace Gpt2Cluster.Data.Models.PyTorch;

/// <summary>
/// The Python names that files of tensors need (torch/_utils.py, torch/storage.py), and the values they stand for.
/// Nothing else is known.
/// </summary>
internal static class TensorGlobals
{
    private const int MostDimensions = 16;

    private static readonly PickledGlobal OrderedDictionary = new("collections", "OrderedDict");
    private static readonly PickledGlobal Rebuild = new("torch._utils", "_rebuild_tensor");
    private static readonly PickledGlobal RebuildNewer = new("torch._utils", "_rebuild_tensor_v2");
    private static readonly PickledGlobal RebuildParameter = new("torch._utils", "_rebuild_parameter");

    private static readonly Dictionary<string, (int Bytes, ElementType? Type)> Storages = new(StringComparer.Ordinal)
    {
        ["FloatStorage"] = (4, ElementType.Single),
        ["HalfStorage"] = (2, ElementType.Half),
        ["BFloat16Storage"] = (2, ElementType.Brain),
        ["DoubleStorage"] = (8, null),
        ["LongStorage"] = (8, null),
        ["IntStorage"] = (4, null),
        ["ShortStorage"] = (2, null),
        ["CharStorage"] = (1, null),
        ["ByteStorage"] = (1, null),
        ["BoolStorage"] = (1, null),
    };

    /// <summary>Whether files of tensors need it.</summary>
    public static bool IsKnown(PickledGlobal name) =>
        name == OrderedDictionary || name == Rebuild || name == RebuildNewer || name == RebuildParameter
        || IsStorage(name);

    /// <summary>Whether it is the class of a storage.</summary>
    public static bool IsStorage(PickledGlobal name) => name.Module == "torch" && Storages.ContainsKey(name.Name);

    /// <summary>Bytes of one element of a storage.</summary>
    public static int BytesOf(PickledStorage storage) => Storages[storage.TypeName].Bytes;

    /// <summary>What a storage's elements are; null for a type that is not read.</summary>
    public static ElementType? TypeOf(PickledStorage storage) => Storages[storage.TypeName].Type;

    /// <summary>The value that a call stands for.</summary>
    /// <exception cref="InvalidDataException">The arguments are none of the call's.</exception>
    public static object Make(PickledGlobal name, object?[] arguments)
    {
        if (name == OrderedDictionary && arguments.Length == 0)
            return new PickledDictionary();
        if ((name == Rebuild || name == RebuildNewer) && arguments.Length >= 4)
            return Tensor(arguments);
        if (name == RebuildParameter && arguments.Length >= 1 && arguments[0] is PickledTensor tensor)
            return tensor;
        throw new InvalidDataException($"its pickle calls {name} with arguments that it does not have");
    }

    /// <summary>The storage that a persistent identity names: ("storage", class, key, place, length).</summary>
    /// <exception cref="InvalidDataException">It names something else.</exception>
    public static PickledStorage Storage(IReadOnlyList<object?> identity)
    {
        if (identity.Count < 5 || identity[0] is not "storage" || identity[1] is not PickledGlobal type
            || !IsStorage(type) || identity[2] is not string key || identity[4] is not long length || length < 0)
            throw new InvalidDataException("it refers to something outside that is no storage of a known type");
        return new PickledStorage(key, type.Name, length);
    }

    // (storage, storage offset, size, stride, ...)
    private static PickledTensor Tensor(object?[] arguments)
    {
        if (arguments[0] is not PickledStorage storage || arguments[1] is not long offset || offset < 0)
            throw new InvalidDataException("a tensor has no storage or offset");
        var (dimensions, strides) = (Numbers(arguments[2]), Numbers(arguments[3]));
        if (dimensions.Length != strides.Length)
            throw new InvalidDataException("a tensor has not one stride for each dimension");
        var (count, last) = ((Int128)1, (Int128)offset);
        for (var i = 0; i < dimensions.Length; i++)
        {
            count *= dimensions[i];
            last += (Int128)Math.Max(0, dimensions[i] - 1) * strides[i];
            if (count > long.MaxValue)
                throw new InvalidDataException("a tensor is too large");
        }

        if (count > 0 && last >= storage.Length)
            throw new InvalidDataException($"a tensor leaves its storage {storage.Key} of {storage.Length} elements");
        return new PickledTensor(storage, offset, dimensions, strides);
    }

    private static long[] Numbers(object? tuple)
    {
        if (tuple is not object?[] values || values.Length > MostDimensions
            || !values.All(value => value is long and >= 0))
            throw new InvalidDataException("a tensor's size or stride is no tuple of whole numbers");
        return [.. values.Cast<long>()];
    }
}

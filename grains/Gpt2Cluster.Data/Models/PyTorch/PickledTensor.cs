namespace Gpt2Cluster.Data.Models.PyTorch;

/// <summary>A name that a pickle refers to; only those of <see cref="PickleReader"/>'s table are known.</summary>
/// <param name="Module">The Python module.</param>
/// <param name="Name">The name in it.</param>
internal sealed record PickledGlobal(string Module, string Name)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Module}.{Name}";
}

/// <summary>Where elements lie that tensors share: one record of the archive.</summary>
/// <param name="Key">Its name.</param>
/// <param name="TypeName">The class, such as <c>FloatStorage</c>.</param>
/// <param name="Length">Its count of elements.</param>
internal sealed record PickledStorage(string Key, string TypeName, long Length);

/// <summary>A tensor: a view of a storage.</summary>
/// <param name="Storage">Its elements.</param>
/// <param name="Offset">Index of the first one in the storage.</param>
/// <param name="Dimensions">Its dimensions.</param>
/// <param name="Strides">Elements from one index to the next, by dimension.</param>
internal sealed record PickledTensor(
    PickledStorage Storage, long Offset, IReadOnlyList<long> Dimensions, IReadOnlyList<long> Strides);

/// <summary>A dictionary in the order it was filled in.</summary>
internal sealed class PickledDictionary
{
    /// <summary>Its pairs.</summary>
    public List<KeyValuePair<object?, object?>> Pairs { get; } = [];
}

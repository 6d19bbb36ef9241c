namespace Gpt2Cluster.Data.Models.PyTorch;

/// <summary>A tensor of a <see cref="TorchFile"/>.</summary>
/// <param name="Name">Its name.</param>
/// <param name="View">Its elements in their storage.</param>
/// <param name="Start">The storage's first byte in the file.</param>
internal sealed record TorchTensor(string Name, PickledTensor View, long Start)
    : WeightTensor(
        Name,
        View.Storage.TypeName.Replace("Storage", "", StringComparison.Ordinal),
        View.Dimensions,
        TensorGlobals.TypeOf(View.Storage) is not null)
{
    /// <summary>The longest part of a storage that is read to pick elements from it.</summary>
    private const int LongestSpanElements = 1 << 22;

    /// <summary>What its elements are; null for a type that is not read.</summary>
    public ElementType? ElementType => TensorGlobals.TypeOf(View.Storage);

    /// <summary>Reads elements in the order of the indices, the last one fastest.</summary>
    public void Read(ElementFile file, long startElement, Span<float> into)
    {
        if (into.IsEmpty)
            return;
        if (IsContiguous())
        {
            ReadStored(file, View.Offset + startElement, into);
            return;
        }

        // Parts of the storage that hold a run of elements; a run that is too far apart goes in halves.
        var (first, last) = Bounds(startElement, into.Length);
        if (into.Length > 1 && last - first >= LongestSpanElements)
        {
            var half = into.Length / 2;
            Read(file, startElement, into[..half]);
            Read(file, startElement + half, into[half..]);
            return;
        }

        var stored = new float[last - first + 1];
        ReadStored(file, first, stored);
        for (var i = 0; i < into.Length; i++)
            into[i] = stored[PlaceOf(startElement + i) - first];
    }

    private bool IsContiguous()
    {
        var expected = 1L;
        for (var i = Dimensions.Count - 1; i >= 0; i--)
        {
            if (Dimensions[i] != 1 && View.Strides[i] != expected)
                return false;
            expected *= Dimensions[i];
        }

        return true;
    }

    private (long First, long Last) Bounds(long startElement, int count)
    {
        var (first, last) = (long.MaxValue, 0L);
        for (var i = 0; i < count; i++)
        {
            var place = PlaceOf(startElement + i);
            (first, last) = (Math.Min(first, place), Math.Max(last, place));
        }

        return (first, last);
    }

    private long PlaceOf(long element)
    {
        var place = View.Offset;
        for (var i = Dimensions.Count - 1; i >= 0; i--)
        {
            (element, var index) = Math.DivRem(element, Dimensions[i]);
            place += index * View.Strides[i];
        }

        return place;
    }

    private void ReadStored(ElementFile file, long element, Span<float> into)
    {
        var type = ElementType!.Value;
        file.Read(type, Start + element * ElementFile.BytesOf(type), into);
    }
}

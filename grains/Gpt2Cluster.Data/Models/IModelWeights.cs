using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Models;

/// <summary>
/// A model's weights by name, as one format keeps them: what is there, and ranges of it as fp32. Opening checks all
/// that can be checked without reading the elements. Reading is safe from several threads.
/// </summary>
public interface IModelWeights : IDisposable
{
    /// <summary>The file or folder, for messages.</summary>
    string Path { get; }

    /// <summary>The tensors, in the order they lie in.</summary>
    IReadOnlyList<WeightTensor> Tensors { get; }

    /// <summary>The tensor of that name, or null.</summary>
    WeightTensor? Find(string name);

    /// <summary>Reads elements of a tensor as fp32; a type of fewer bits is widened exactly.</summary>
    /// <param name="name">The tensor.</param>
    /// <param name="startElement">Index of the first element, row by row.</param>
    /// <param name="into">Takes the elements.</param>
    /// <exception cref="ArgumentException">There is no such tensor, <see cref="WeightTensor.IsReadable"/> is false, or
    /// the range leaves it.</exception>
    /// <exception cref="UserErrorException">The file is damaged or was cut short since it was opened.</exception>
    void ReadRange(string name, long startElement, Span<float> into);
}

/// <summary>A tensor of a model's weights.</summary>
/// <param name="Name">Its name.</param>
/// <param name="DataType">Its element type as the format writes it.</param>
/// <param name="Dimensions">Its dimensions; none for a scalar.</param>
/// <param name="IsReadable">Whether its elements can be read as fp32.</param>
public record WeightTensor(string Name, string DataType, IReadOnlyList<long> Dimensions, bool IsReadable)
{
    /// <summary>How many elements it has.</summary>
    public long Length => Dimensions.Aggregate(1L, (product, dimension) => product * dimension);

    /// <summary>Its dimensions for people, such as <c>768 x 2304</c>.</summary>
    public string DimensionText => Dimensions.Count == 0 ? "scalar" : string.Join(" x ", Dimensions);
}

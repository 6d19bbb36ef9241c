using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Model;

namespace Gpt2Cluster.Data.Models;

/// <summary>
/// A model's parameters as one flat buffer, read from weights that a format keeps under its own names. Reading is safe
/// from several threads.
/// </summary>
internal sealed class NamedParameters : IDisposable
{
    private const int MostNamesInMessage = 10;

    private readonly Func<ParameterSlice, string> nameOf;

    /// <summary>Checks that every parameter is there, in its shape, and takes the weights over.</summary>
    /// <param name="layout">The parameters.</param>
    /// <param name="weights">Where they lie; disposed with this.</param>
    /// <param name="nameOf">A parameter's name there.</param>
    /// <param name="isExtra">Whether a tensor that is no parameter may be there.</param>
    /// <param name="configuration">The file that the shape is from, for messages.</param>
    /// <exception cref="UserErrorException">They do not fit; all faults are named at once.</exception>
    public NamedParameters(
        ParameterLayout layout,
        IModelWeights weights,
        Func<ParameterSlice, string> nameOf,
        Predicate<string> isExtra,
        string configuration)
    {
        Layout = layout;
        Weights = weights;
        this.nameOf = nameOf;
        var known = layout.Slices.Select(nameOf).ToHashSet(StringComparer.Ordinal);
        List<string> faults =
        [
            .. layout.Slices.Select(slice => Fault(slice, nameOf(slice))).OfType<string>(),
            .. weights.Tensors.Where(tensor => !known.Contains(tensor.Name) && !isExtra(tensor.Name))
                .Select(tensor => $"{tensor.Name} is unknown"),
        ];
        if (faults.Count == 0)
            return;
        var rest = faults.Count > MostNamesInMessage ? $"; and {faults.Count - MostNamesInMessage} more" : "";
        throw new UserErrorException($"{weights.Path} does not fit {configuration}: "
            + $"{string.Join("; ", faults.Take(MostNamesInMessage))}{rest}.");
    }

    /// <summary>The order of the parameters.</summary>
    public ParameterLayout Layout { get; }

    /// <summary>Where they lie.</summary>
    public IModelWeights Weights { get; }

    /// <summary>The element type that a parameter is kept in, as the format writes it.</summary>
    public string DataTypeOf(ParameterSlice slice) => Weights.Find(nameOf(slice))!.DataType;

    /// <summary>Reads parameters from the flat index <paramref name="start"/> on, as fp32.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range leaves the model.</exception>
    public void Read(long start, Span<float> into)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, Layout.Length - into.Length);
        foreach (var (slice, offset, first, count) in Layout.Parts(start, into.Length))
            Weights.ReadRange(nameOf(slice), offset, into.Slice(first, count));
    }

    /// <inheritdoc/>
    public void Dispose() => Weights.Dispose();

    // OpenAI's products have a leading dimension of one, which changes nothing.
    private string? Fault(ParameterSlice slice, string name)
    {
        if (Weights.Find(name) is not { } tensor)
            return $"{name} is missing";
        var wanted = slice.Dimensions.Select(dimension => (long)dimension);
        var found = tensor.Dimensions.Count == slice.Dimensions.Count + 1 && tensor.Dimensions[0] == 1
            ? tensor.Dimensions.Skip(1)
            : tensor.Dimensions;
        if (!found.SequenceEqual(wanted))
            return $"{name} is {tensor.DimensionText}, not {string.Join(" x ", slice.Dimensions)}";
        return tensor.IsReadable
            ? null
            : $"{name} has the type {tensor.DataType}, not one of 32 or 16 bits with a point";
    }
}

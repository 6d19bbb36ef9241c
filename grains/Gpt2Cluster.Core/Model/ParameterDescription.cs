namespace Gpt2Cluster.Core.Model;

/// <summary>How the first values of a parameter are drawn.</summary>
public enum Distribution
{
    /// <summary>All equal <see cref="Initialization.Value"/>.</summary>
    Constant,

    /// <summary>Normal, mean 0, standard deviation <see cref="Initialization.Value"/>.</summary>
    Normal,

    /// <summary>Uniform over plus and minus <see cref="Initialization.Value"/>.</summary>
    Uniform,
}

/// <summary>The first values of a parameter that no model brings.</summary>
/// <param name="Distribution">How they are drawn.</param>
/// <param name="Value">The constant, the standard deviation or the bound.</param>
/// <param name="Place">
/// Keys the random numbers within a layer, 0 to 255; no two parameters of a layer share one.
/// </param>
public readonly record struct Initialization(Distribution Distribution, float Value, int Place = 0);

/// <summary>One parameter of a model: everything that is known of it before it has a place in memory.</summary>
/// <param name="Id">Which one it is.</param>
/// <param name="Name">
/// Its name in files without the <c>transformer.</c> prefix: Hugging Face's, such as <c>h.0.attn.c_attn.weight</c>, or
/// PEFT's, such as <c>h.0.attn.c_attn.lora_A.weight</c>.
/// </param>
/// <param name="Dimensions">Its dimensions; a linear layer's weight is (inputs, outputs), Conv1D's order.</param>
/// <param name="Initial">Its first values.</param>
public sealed record ParameterDescription(
    ParameterId Id, string Name, IReadOnlyList<int> Dimensions, Initialization Initial)
{
    /// <summary>How many elements it has.</summary>
    public long Length { get; } = Dimensions.Aggregate(1L, (product, dimension) => product * dimension);

    /// <summary>Whether weight decay applies: tensors of two or more dimensions.</summary>
    public bool Decays => Dimensions.Count >= 2;
}

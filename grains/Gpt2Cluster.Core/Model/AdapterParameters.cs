using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Model;

/// <summary>
/// The factors of LoRA (Hu et al. 2021), named, shaped and initialised as PEFT does: to a linear layer's product
/// <c>x W</c> comes <c>alpha / R x A^T B^T</c>; A (R, inputs) is drawn by <c>kaiming_uniform_(a = sqrt(5))</c>, that is
/// uniformly over plus and minus 1 / sqrt(inputs), and B (outputs, R) is zero.
/// </summary>
public static class AdapterParameters
{
    /// <summary>The factors of all adapted layers, block by block.</summary>
    public static IReadOnlyList<ParameterDescription> Describe(ModelShape shape, LoraOptions options)
    {
        ArgumentNullException.ThrowIfNull(shape);
        ArgumentNullException.ThrowIfNull(options);
        return
        [
            .. from layer in Enumerable.Range(0, shape.LayerCount)
               from linear in Gpt2Parameters.LinearLayers
               where options.Adapts(linear.Name)
               from factor in Factors(shape, options.Rank, layer, linear.Weight, linear.Name)
               select factor,
        ];
    }

    private static ParameterDescription[] Factors(
        ModelShape shape, int rank, int layer, ParameterRole weight, string name)
    {
        var (inputs, outputs) = Gpt2Parameters.SizeOf(shape, weight);
        return
        [
            new(
                new ParameterId(layer, weight, AdapterFactor.A),
                $"h.{layer}.{name}.lora_A.weight",
                [rank, inputs],
                new Initialization(Distribution.Uniform, (float)(1 / Math.Sqrt(inputs)), (int)weight)),
            new(
                new ParameterId(layer, weight, AdapterFactor.B),
                $"h.{layer}.{name}.lora_B.weight",
                [outputs, rank],
                new Initialization(Distribution.Constant, 0)),
        ];
    }
}

using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Model;

/// <summary>
/// The parameters of a model under training: which there are, which are trained, and where each lies. Gradients, sums,
/// exchange, norm, moments, checkpoints and copies of replicas range over <see cref="Trained"/> alone.
/// </summary>
public sealed class ModelParameters
{
    /// <summary>Describes a model under training.</summary>
    /// <param name="shape">The model's shape.</param>
    /// <param name="trainable">What is trained.</param>
    /// <param name="lora">The adapters, for <see cref="TrainableParameters.Lora"/> only.</param>
    /// <exception cref="ArgumentException">The shape is not sound, or adapters and what is trained do not go
    /// together.</exception>
    public ModelParameters(
        ModelShape shape, TrainableParameters trainable = TrainableParameters.All, LoraOptions? lora = null)
    {
        if ((trainable == TrainableParameters.Lora) != (lora is not null))
            throw new ArgumentException("Adapters are described if and only if they are trained.", nameof(lora));
        Lora = lora;
        Base = new ParameterLayout(shape);
        var all = Base.Slices.Select(slice => slice.Parameter).ToList();
        Trained = trainable == TrainableParameters.All
            ? Base
            : new ParameterLayout(
                shape, lora is null ? all.Where(IsOfABlock) : AdapterParameters.Describe(shape, lora));
        Frozen = new ParameterLayout(shape, all.Where(parameter => Trained.Find(parameter.Id) is null));
    }

    /// <summary>All of the model's own parameters, as a model folder holds them.</summary>
    public ParameterLayout Base { get; }

    /// <summary>What is trained.</summary>
    public ParameterLayout Trained { get; }

    /// <summary>What is not.</summary>
    public ParameterLayout Frozen { get; }

    /// <summary>The adapters; null without.</summary>
    public LoraOptions? Lora { get; }

    /// <summary>The model's shape.</summary>
    public ModelShape Shape => Base.Shape;

    private static bool IsOfABlock(ParameterDescription parameter) => parameter.Id.Layer >= 0;
}

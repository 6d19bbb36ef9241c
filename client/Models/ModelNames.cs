using Gpt2Cluster.Contracts.Jobs;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Client.Models;

/// <summary>What a user writes for a model.</summary>
internal static class ModelNames
{
    /// <summary>The run behind <c>run:NAME</c>; null if it is something else.</summary>
    /// <exception cref="UserErrorException">NAME cannot be a run's.</exception>
    public static RunName? RunOf(string model) => model.StartsWith(ModelReference.RunPrefix, StringComparison.Ordinal)
        ? RunName.Parse(model[ModelReference.RunPrefix.Length..])
        : null;

    /// <summary>Whether the weights are drawn from the seed.</summary>
    public static bool IsScratch(string model) =>
        model.StartsWith(ModelReference.ScratchPrefix, StringComparison.Ordinal);

    /// <summary>The model as jobs name it.</summary>
    /// <param name="model">The resolved model.</param>
    /// <param name="checkpoint">For a run: which checkpoint.</param>
    public static ParameterSource Source(ModelReference model, string checkpoint = "last")
    {
        if (model.IsScratch)
            return new ParameterSource { Kind = ParameterSourceKind.Scratch, Name = Presets.Scratch(model.Name).Name };
        return RunOf(model.Name) is { } run
            ? new ParameterSource { Kind = ParameterSourceKind.Run, Name = run.ToString(), Checkpoint = checkpoint }
            : new ParameterSource { Kind = ParameterSourceKind.Model, Name = model.Name };
    }

    /// <summary>The sentence for a model that is nowhere.</summary>
    public static UserErrorException Unknown(string model) => new(
        $"There is no model '{model}': it is no name in the store, no directory, no run:NAME and no scratch:PRESET; "
        + "'model list' shows the store, 'model import FOLDER' adds to it.");
}

using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Workers;

/// <summary>What becomes of an averaged gradient.</summary>
/// <param name="Kind">Whether it is applied.</param>
/// <param name="Scale">What it is multiplied by before, as its norm is clipped: 0 to 1.</param>
public readonly record struct StepUpdate(UpdateKind Kind, double Scale)
{
    /// <summary>Added to the norm before dividing, as <c>torch.nn.utils.clip_grad_norm_</c> does.</summary>
    private const double ClipEpsilon = 1e-6;

    /// <summary>Whether parameters change.</summary>
    public bool IsApplied => Kind == UpdateKind.Apply;

    /// <summary>Clips a gradient; one that is not finite is never applied.</summary>
    /// <param name="specification">Names the norm to clip to, and what follows from one that is not finite.</param>
    /// <param name="norm">The gradient's.</param>
    public static StepUpdate Of(RunSpecification specification, double norm)
    {
        ArgumentNullException.ThrowIfNull(specification);
        if (!double.IsFinite(norm))
            return new(specification.OnNan == NanPolicy.Skip ? UpdateKind.Skip : UpdateKind.None, 1.0);
        var clipNorm = specification.Optimizer.ClipNorm;
        return new(UpdateKind.Apply, clipNorm > 0 && norm > clipNorm ? clipNorm / (norm + ClipEpsilon) : 1.0);
    }
}

/// <summary>What an update does to the replica.</summary>
public enum UpdateKind
{
    /// <summary>Parameters and moments change, and the replica stands at the step.</summary>
    Apply,

    /// <summary>The replica stands at the step, with the parameters and moments it has.</summary>
    Skip,

    /// <summary>Nothing: the run is to stop.</summary>
    None,
}

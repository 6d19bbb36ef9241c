using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Kernels;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Randomness;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Compute.Model;

/// <summary>
/// The low-rank additions of a block's linear layers (Hu et al. 2021): <c>y = x W + s (x * dropout) A^T B^T</c>. What
/// the linear layer itself computes is left to <see cref="ILinear"/>, which takes the last product as a term.
/// Shapes: N rows, R the rank, I inputs, O outputs.
/// </summary>
internal sealed class AdaptedLinear(ComputeBackend backend, LoraOptions? lora)
{
    /// <summary>Computes <c>s (x * dropout) A^T</c> and keeps it; null where the layer is not adapted.</summary>
    public LowRankTerm? Forward(
        in StepContext context, int layer, ParameterRole role, Matrix x, LinearParameters w, BlockActivations a)
    {
        if (w.Adapter is not { } adapter)
            return null;
        var projected = a.Projected(role); // (N, R)
        WithInput(context, layer, role, x, input =>
            backend.Matmul.MultiplyByTransposed(input, adapter.A, projected, lora!.Scale));
        return new LowRankTerm(projected, adapter.B, true, Dropout.None);
    }

    /// <summary>
    /// Writes the gradients of a layer's trained parameters; returns what comes to its input's gradient.
    /// </summary>
    /// <param name="context">The step's.</param>
    /// <param name="layer">The block.</param>
    /// <param name="role">The layer's weight.</param>
    /// <param name="x">(N, I).</param>
    /// <param name="dy">(N, O).</param>
    /// <param name="w">The layer's parameters.</param>
    /// <param name="dw">Written.</param>
    /// <param name="a">What the forward pass kept.</param>
    /// <param name="space">Has scratch for one layer at a time.</param>
    public LowRankTerm? Backward(
        in StepContext context,
        int layer,
        ParameterRole role,
        Matrix x,
        Matrix dy,
        LinearParameters w,
        LinearGradients dw,
        BlockActivations a,
        Workspace space)
    {
        if (dw.Weight is not null && dw.Bias is not null)
            backend.Linear.BackwardWeight(x, dy, dw.Weight, dw.Bias); // (I, O)
        if (w.Adapter is not { } adapter || dw.Adapter is not { } dadapter)
            return null;
        var dprojected = space.ProjectedGradient!; // (N, R)
        backend.Matmul.MultiplyTransposed(dy, a.Projected(role), dadapter.B); // (O, R)
        backend.Matmul.Multiply(dy, adapter.B, dprojected, lora!.Scale); // (N, R)
        WithInput(context, layer, role, x, input =>
            backend.Matmul.MultiplyTransposed(dprojected, input, dadapter.A)); // (R, I)
        return new LowRankTerm(dprojected, adapter.A, false, DropoutOf(context, layer, role));
    }

    private void WithInput(in StepContext context, int layer, ParameterRole role, Matrix x, Action<Matrix> use)
    {
        var dropout = DropoutOf(context, layer, role);
        if (!dropout.IsOn)
        {
            use(x);
            return;
        }

        using var dropped = x.AllocateLike(x.Rows, x.Columns); // (N, I)
        backend.Kernels.DropoutBackward(x, dropout, dropped);
        use(dropped);
    }

    private Dropout DropoutOf(in StepContext context, int layer, ParameterRole role) =>
        lora is { Dropout: > 0 } && context.Trains
            ? new Dropout(
                lora.Dropout,
                new RandomStream(
                    context.Seed, RandomPurpose.AdapterDropout, context.Step, context.MicroBatch, layer, (int)role))
            : Dropout.None;
}

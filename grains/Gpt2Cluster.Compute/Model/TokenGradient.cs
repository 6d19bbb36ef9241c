using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Memory;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Model;

/// <summary>
/// The gradient of the token embedding while it is summed: over the rows of the head and over the occurrences of a
/// token. A bf16 sum stops growing at 256 times its addend, so that frequent tokens would learn too little: it is fp32
/// everywhere and rounded once.
/// </summary>
internal sealed class TokenGradient(ComputeBackend backend) : IDisposable
{
    private Matrix? sums;

    /// <summary>Where the sums of a micro-batch go, fp32: (Vp, C).</summary>
    /// <param name="gradient">Where they will be wanted; in fp32 it takes them itself.</param>
    public Matrix SumsFor(Matrix gradient) => backend.Type == ScalarType.Float32
        ? gradient
        : sums ??= backend.Memory.Matrix(gradient.Rows, gradient.Columns, ScalarType.Float32);

    /// <summary>All has been added: rounds the sums into the gradient.</summary>
    public void Finish(Matrix gradient)
    {
        if (sums is not null)
            backend.Kernels.Round(sums, gradient);
    }

    /// <inheritdoc/>
    public void Dispose() => sums?.Dispose();
}

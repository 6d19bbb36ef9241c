using Gpt2Cluster.Compute.Kernels;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Core.Model;

namespace Gpt2Cluster.Compute.Model;

/// <summary>
/// The vocabulary's loss by libtorch's products, in chunks of rows, each forward and backward: any device, any shape.
/// </summary>
internal sealed class ChunkedHeadLoss(IMatmul matmul, ICrossEntropy kernels, ModelShape shape, PhaseClock clock)
    : IHeadLoss
{
    /// <summary>Rows of logits at a time.</summary>
    public const int ChunkRows = 256;

    /// <summary>The last chunk's logits, or their gradient: (at most 256, Vp).</summary>
    public Matrix? Logits { get; private set; }

    /// <inheritdoc/>
    public void Run(
        Matrix hidden,
        Matrix tokens,
        ReadOnlyMemory<int> targets,
        Memory<double> losses,
        HeadLossGradients? gradients)
    {
        Logits ??= hidden.AllocateLike(ChunkRows, tokens.Rows);
        for (var first = 0; first < hidden.Rows; first += ChunkRows)
        {
            var count = Math.Min(ChunkRows, hidden.Rows - first);
            using var x = hidden.SliceRows(first, count); // (R, C)
            using var chunk = Logits.SliceRows(0, count); // (R, Vp)
            clock.Enter(Phase.Head);
            matmul.MultiplyByTransposed(x, tokens, chunk); // (R, Vp)
            kernels.CrossEntropy(
                chunk,
                targets.Slice(first, count),
                shape.VocabularySize,
                gradients?.Scale ?? 0,
                losses.Slice(first, count));
            if (gradients is null)
                continue;
            clock.Enter(Phase.HeadBackward);
            using var dx = gradients.Hidden.SliceRows(first, count); // (R, C)
            matmul.Multiply(chunk, tokens, dx); // (R, C)
            if (gradients.Tokens is not null)
                matmul.MultiplyTransposed(chunk, x, gradients.Tokens, add: first > 0); // (Vp, C)
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Logits?.Dispose();
}

using Gpt2Cluster.Compute.Kernels;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Compute.Model;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Model;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Torch;

/// <summary>
/// The vocabulary's loss on a device, over as many rows at a time as a bound of memory allows. Losses stay on the
/// device until they are read.
/// </summary>
internal sealed class TorchHeadLoss(
    TorchOperators operators,
    IMatmul matmul,
    BatchTokens tokens,
    ModelShape shape,
    PhaseClock clock,
    long mostBytes = TorchHeadLoss.MostBytes) : IHeadLoss
{
    /// <summary>Bytes of logits at a time: all rows of 16 windows of 1,024 tokens of GPT-2 in bf16.</summary>
    public const long MostBytes = CardMemoryEstimate.MostLogitBytes;

    private Matrix? logits;
    private Tensor? logarithms; // (N, 1): of the targets' probabilities, fp32
    private Tensor? mark;

    /// <inheritdoc/>
    public void Run(
        Matrix hidden,
        Matrix embedding,
        ReadOnlyMemory<int> targets,
        Memory<double> losses,
        HeadLossGradients? gradients)
    {
        using var scope = NewDisposeScope();
        var chunkRows = (int)Math.Clamp(mostBytes / ((long)embedding.Rows * hidden.ElementBytes), 1, hidden.Rows);
        Prepare(hidden, embedding, chunkRows);
        var index = tokens.OnDevice(targets).view(-1, 1); // (N, 1)
        for (var first = 0; first < hidden.Rows; first += chunkRows)
        {
            var count = Math.Min(chunkRows, hidden.Rows - first);
            using var x = hidden.SliceRows(first, count); // (R, C)
            using var chunk = logits!.SliceRows(0, count); // (R, Vp)
            clock.Enter(Phase.Head);
            matmul.MultiplyByTransposed(x, embedding, chunk); // (R, Vp)
            CrossEntropy(chunk, index.narrow(0, first, count), first, gradients?.Scale ?? 0);
            if (gradients is null)
                continue;
            clock.Enter(Phase.HeadBackward);
            using var dx = gradients.Hidden.SliceRows(first, count); // (R, C)
            matmul.Multiply(chunk, embedding, dx); // (R, C)
            if (gradients.Tokens is not null)
                matmul.MultiplyTransposed(chunk, x, gradients.Tokens, add: first > 0); // (Vp, C)
        }
    }

    /// <inheritdoc/>
    public void ReadLosses(Memory<double> losses)
    {
        var values = new float[losses.Length];
        operators.Read(logarithms!, values.AsSpan(), HostRead.Losses);
        for (var row = 0; row < values.Length; row++)
            losses.Span[row] = -(double)values[row];
    }

    /// <inheritdoc/>
    public void PoisonUnlessFinite(ReadOnlyMemory<double> losses, Matrix gradient)
    {
        using var scope = NewDisposeScope();
        if (mark is null)
        {
            // Zero times a sum that is not finite is no number, and so is all it is added to.
            mark = operators.Total(logarithms!).DetachFromDisposeScope();
            operators.Scale(mark, 0);
        }

        operators.AddTo(gradient.Tensor, mark);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        logits?.Dispose();
        logarithms?.Dispose();
        mark?.Dispose();
    }

    private void Prepare(Matrix hidden, Matrix embedding, int chunkRows)
    {
        mark?.Dispose();
        mark = null;
        if (logits?.Rows != chunkRows)
        {
            logits?.Dispose();
            logits = null;
            logits = hidden.AllocateLike(chunkRows, embedding.Rows);
        }

        if (logarithms?.shape[0] == hidden.Rows)
            return;
        logarithms?.Dispose();
        logarithms = empty(hidden.Rows, 1, ScalarType.Float32, hidden.Tensor.device).DetachFromDisposeScope();
    }

    /// <summary>
    /// Keeps the rows' losses; the logits become their gradient, (softmax - target) times a scale, unless that is 0.
    /// </summary>
    private void CrossEntropy(Matrix chunk, Tensor index, int first, float scale)
    {
        using var scope = NewDisposeScope();
        var inner = chunk.Tensor.narrow(1, 0, shape.VocabularySize); // (R, V)
        var all = operators.LogSoftmax(inner); // (R, V)
        operators.GatherColumns(all, index, logarithms!.narrow(0, first, chunk.Rows));
        if (scale == 0)
            return;
        operators.Exponentiate(all);
        var minus = TorchOperators.Constant(-1.0, ScalarType.Float32, index.device, index.shape);
        operators.AddToColumns(all, index, minus);
        operators.Scaled(all, scale, inner);
        if (chunk.Columns > shape.VocabularySize)
            operators.Clear(chunk.Tensor.narrow(1, shape.VocabularySize, chunk.Columns - shape.VocabularySize));
    }
}

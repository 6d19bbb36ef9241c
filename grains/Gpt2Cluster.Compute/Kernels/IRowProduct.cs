using Gpt2Cluster.Compute.Memory;

namespace Gpt2Cluster.Compute.Kernels;

/// <summary>
/// Products of a few rows with one big matrix, which is held as the device reads it fastest: what decoding consists of,
/// bound by reading the matrix. On a processor a row's result is the same bits however many rows there are.
/// Shapes: S rows, K inputs, M outputs.
/// </summary>
internal interface IRowProduct : IDisposable
{
    /// <summary>Bytes that one product reads of the matrix.</summary>
    long Bytes { get; }

    /// <summary><c>y = x W</c>.</summary>
    /// <param name="x">(S, K).</param>
    /// <param name="y">(S, M).</param>
    void Multiply(Matrix x, Matrix y);
}

/// <summary>What a product of decoding is for; with it how its matrix lies.</summary>
internal enum RowProductUse
{
    /// <summary>A linear layer: (K, M), a column for each output; results are activations.</summary>
    Layer,

    /// <summary>The head: (M, K), a row for each output; results are logits.</summary>
    Head,
}

/// <summary>By libtorch's products.</summary>
/// <param name="matmul">The products.</param>
/// <param name="weight">The matrix, which it disposes.</param>
/// <param name="use">How it lies.</param>
internal sealed class TorchRowProduct(IMatmul matmul, Matrix weight, RowProductUse use) : IRowProduct
{
    /// <inheritdoc/>
    public long Bytes => weight.Bytes;

    /// <inheritdoc/>
    public void Multiply(Matrix x, Matrix y)
    {
        if (use == RowProductUse.Layer)
            matmul.Multiply(x, weight, y);
        else
            matmul.MultiplyByTransposed(x, weight, y);
    }

    /// <inheritdoc/>
    public void Dispose() => weight.Dispose();
}

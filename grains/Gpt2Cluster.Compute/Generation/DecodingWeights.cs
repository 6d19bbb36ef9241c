using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Kernels;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Compute.Model;

namespace Gpt2Cluster.Compute.Generation;

/// <summary>A linear layer as decoding has it: the product with its weight, its bias, and what is added.</summary>
internal sealed record DecodingLinear(IRowProduct Product, Matrix Bias, AdapterViews? Adapter);

/// <summary>
/// A model's parameters as decoding reads them: vectors in the type of the activations, the big matrices in one that
/// saves memory traffic, for one token costs as much time as reading every weight once.
/// </summary>
internal sealed class DecodingWeights : IDisposable
{
    /// <summary>Takes the parameters as they are now.</summary>
    /// <param name="working">Where they come from.</param>
    /// <param name="layerCount">L.</param>
    /// <param name="backend">Makes the products.</param>
    /// <param name="inEightBits">Whether all matrices but the embeddings that are looked up are rounded.</param>
    public DecodingWeights(IWorkingParameters working, int layerCount, ComputeBackend backend, bool inEightBits)
    {
        Blocks = [.. Enumerable.Range(0, layerCount)
            .Select(layer => new Block(working.Block(layer), backend, inEightBits))];
        Outer = working.Outer;
        Head = backend.NewRowProduct(Outer.Tokens, RowProductUse.Head, inEightBits);
    }

    /// <summary>The blocks, first to last.</summary>
    public IReadOnlyList<Block> Blocks { get; }

    /// <summary>Last layer norm and embeddings, for looking up.</summary>
    public OuterParameters Outer { get; }

    /// <summary>The product with the token embedding: C inputs, Vp outputs.</summary>
    public IRowProduct Head { get; }

    /// <summary>Bytes of all matrices, the head's padding included.</summary>
    public long MatrixBytes => Blocks.SelectMany(block => new[] { block.Qkv, block.Out, block.Up, block.Down })
        .Select(linear => linear.Product).Append(Head)
        .Sum(product => product.Bytes);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var block in Blocks)
            block.Dispose();
        Head.Dispose();
    }

    /// <summary>One block's.</summary>
    internal sealed class Block : IDisposable
    {
        private readonly List<IDisposable> all = [];

        /// <summary>Takes them.</summary>
        public Block(BlockParameters w, ComputeBackend backend, bool inEightBits)
        {
            Norm1 = new NormViews(Copy(w.Norm1.Gain), Copy(w.Norm1.Bias));
            Norm2 = new NormViews(Copy(w.Norm2.Gain), Copy(w.Norm2.Bias));
            Qkv = Take(w.Qkv);
            Out = Take(w.Out);
            Up = Take(w.Up);
            Down = Take(w.Down);

            DecodingLinear Take(LinearParameters linear)
            {
                var adapter = linear.Adapter is { } factors
                    ? new AdapterViews(Copy(factors.A), Copy(factors.B))
                    : null;
                var product = Keep(backend.NewRowProduct(linear.Weight, RowProductUse.Layer, inEightBits));
                return new DecodingLinear(product, Copy(linear.Bias), adapter);
            }
        }

        /// <summary>First layer norm's.</summary>
        public NormViews Norm1 { get; }

        /// <summary>Second layer norm's.</summary>
        public NormViews Norm2 { get; }

        /// <summary>Queries, keys and values: C inputs, 3C outputs.</summary>
        public DecodingLinear Qkv { get; }

        /// <summary>Attention's projection into the residual stream: C inputs, C outputs.</summary>
        public DecodingLinear Out { get; }

        /// <summary>The MLP's first product: C inputs, 4C outputs.</summary>
        public DecodingLinear Up { get; }

        /// <summary>The MLP's projection into the residual stream: 4C inputs, C outputs.</summary>
        public DecodingLinear Down { get; }

        /// <inheritdoc/>
        public void Dispose() => all.ForEach(one => one.Dispose());

        private Matrix Copy(Matrix matrix) => Keep(matrix.Copy());

        private T Keep<T>(T one)
            where T : IDisposable
        {
            all.Add(one);
            return one;
        }
    }
}

namespace Gpt2Cluster.Core.Reduction;

/// <summary>
/// A node of the canonical tree over the <c>M</c> micro-batches of a step: it covers the leaves
/// <c>Index * 2^Level</c> up to <c>min((Index + 1) * 2^Level, M)</c>. A missing right child passes the left one
/// through.
/// </summary>
/// <param name="Level">0 for a leaf.</param>
/// <param name="Index">Position among the nodes of its level, from 0.</param>
public readonly record struct Subtree(int Level, int Index)
{
    /// <summary>The first leaf it covers.</summary>
    public int FirstLeaf => Index << Level;

    /// <summary>The leaf after the last it covers, in a tree of <paramref name="leafCount"/> leaves.</summary>
    public int EndLeaf(int leafCount) => Math.Min((Index + 1) << Level, leafCount);

    /// <inheritdoc/>
    public override string ToString() => $"{Level}.{Index}";
}

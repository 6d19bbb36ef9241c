using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Compute.Model;

namespace Gpt2Cluster.Compute.Kernels;

/// <summary>
/// A product of low rank that is added to a linear layer's before anything else is done with it: <c>left right^T</c> in
/// the forward pass, <c>(left right) * dropout</c> in the backward pass. Shapes: N rows, R the rank, K columns.
/// </summary>
/// <param name="Left">(N, R).</param>
/// <param name="Right">(K, R), or (R, K) where it is not <paramref name="IsTransposed"/>.</param>
/// <param name="IsTransposed">Whether the right operand is taken transposed.</param>
/// <param name="Dropout">Multiplies the product.</param>
internal sealed record LowRankTerm(Matrix Left, Matrix Right, bool IsTransposed, Dropout Dropout);

/// <summary>
/// The products of linear layers, each with what follows it, forward and backward. Shapes: N rows, I channels in, O
/// out; a weight is (I, O), a bias (1, O). Matrices are row-major; results are written into the matrices that are
/// passed. A low-rank term, where there is one, counts as part of the product.
/// </summary>
internal interface ILinear : IDisposable
{
    /// <summary><c>y = x weight + bias</c>.</summary>
    void Forward(Matrix x, LinearParameters w, LowRankTerm? term, Matrix y);

    /// <summary><c>y = gelu(x weight + bias)</c>.</summary>
    /// <param name="x">(N, I).</param>
    /// <param name="w">(I, O) and (1, O).</param>
    /// <param name="term">Added to the product: (N, O).</param>
    /// <param name="before">
    /// (N, O): kept for <see cref="BackwardGelu"/>; whether the bias is in it is the implementation's affair.
    /// </param>
    /// <param name="y">(N, O).</param>
    void ForwardGelu(Matrix x, LinearParameters w, LowRankTerm? term, Matrix before, Matrix y);

    /// <summary><c>y = stream + (x weight + bias) * dropout</c>: the end of a residual branch.</summary>
    /// <param name="x">(N, I).</param>
    /// <param name="w">(I, O) and (1, O).</param>
    /// <param name="term">Added to the product: (N, O).</param>
    /// <param name="stream">(N, O).</param>
    /// <param name="dropout">Of the branch.</param>
    /// <param name="scratch">(N, O), undefined afterwards.</param>
    /// <param name="y">(N, O).</param>
    void ForwardBranch(
        Matrix x, LinearParameters w, LowRankTerm? term, Matrix stream, Dropout dropout, Matrix scratch, Matrix y);

    /// <summary><c>dx = dy weight^T</c>.</summary>
    void BackwardInput(Matrix dy, Matrix weight, LowRankTerm? term, Matrix dx);

    /// <summary><c>dx = (dy weight^T) gelu'(...)</c>.</summary>
    /// <param name="dy">(N, O).</param>
    /// <param name="weight">(I, O).</param>
    /// <param name="term">Added to the product: (N, I).</param>
    /// <param name="before">(N, I): what <see cref="ForwardGelu"/> kept.</param>
    /// <param name="bias">(1, I): the one it was given.</param>
    /// <param name="dx">(N, I).</param>
    void BackwardGelu(Matrix dy, Matrix weight, LowRankTerm? term, Matrix before, Matrix bias, Matrix dx);

    /// <summary><c>dweight = x^T dy</c>, and <c>dbias</c> = the sum of the rows of <c>dy</c>.</summary>
    void BackwardWeight(Matrix x, Matrix dy, Matrix dweight, Matrix dbias);
}

using Gpt2Cluster.Compute.Memory;

namespace Gpt2Cluster.Compute.Kernels;

/// <summary>
/// The products of linear layers, each with what follows it, forward and backward. Shapes: N rows, I channels in, O
/// out; a weight is (I, O), a bias (1, O). Matrices are row-major; results are written into the matrices that are
/// passed.
/// </summary>
internal interface ILinear : IDisposable
{
    /// <summary><c>y = x weight + bias</c>.</summary>
    void Forward(Matrix x, Matrix weight, Matrix bias, Matrix y);

    /// <summary><c>y = gelu(x weight + bias)</c>.</summary>
    /// <param name="x">(N, I).</param>
    /// <param name="weight">(I, O).</param>
    /// <param name="bias">(1, O).</param>
    /// <param name="before">
    /// (N, O): kept for <see cref="BackwardGelu"/>; whether the bias is in it is the implementation's affair.
    /// </param>
    /// <param name="y">(N, O).</param>
    void ForwardGelu(Matrix x, Matrix weight, Matrix bias, Matrix before, Matrix y);

    /// <summary><c>y = stream + (x weight + bias) * dropout</c>: the end of a residual branch.</summary>
    /// <param name="x">(N, I).</param>
    /// <param name="weight">(I, O).</param>
    /// <param name="bias">(1, O).</param>
    /// <param name="stream">(N, O).</param>
    /// <param name="dropout">Of the branch.</param>
    /// <param name="scratch">(N, O), undefined afterwards.</param>
    /// <param name="y">(N, O).</param>
    void ForwardBranch(
        Matrix x, Matrix weight, Matrix bias, Matrix stream, Dropout dropout, Matrix scratch, Matrix y);

    /// <summary><c>dx = dy weight^T</c>.</summary>
    void BackwardInput(Matrix dy, Matrix weight, Matrix dx);

    /// <summary><c>dx = (dy weight^T) gelu'(...)</c>.</summary>
    /// <param name="dy">(N, O).</param>
    /// <param name="weight">(I, O).</param>
    /// <param name="before">(N, I): what <see cref="ForwardGelu"/> kept.</param>
    /// <param name="bias">(1, I): the one it was given.</param>
    /// <param name="dx">(N, I).</param>
    void BackwardGelu(Matrix dy, Matrix weight, Matrix before, Matrix bias, Matrix dx);

    /// <summary><c>dweight = x^T dy</c>, and <c>dbias</c> = the sum of the rows of <c>dy</c>.</summary>
    void BackwardWeight(Matrix x, Matrix dy, Matrix dweight, Matrix dbias);
}

using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Compute.Model;
using Gpt2Cluster.Core.Randomness;

namespace Gpt2Cluster.Compute.Kernels;

/// <summary>Which activations are dropped at one place; none where the probability is 0.</summary>
internal readonly record struct Dropout(double Probability, RandomStream Stream)
{
    /// <summary>Nothing is dropped.</summary>
    public static Dropout None => default;

    /// <summary>Whether anything is dropped at all.</summary>
    public bool IsOn => Probability > 0;
}

/// <summary>Keys and values of one layer of one text, with room for P positions.</summary>
/// <param name="Keys">(H P, D).</param>
/// <param name="Values">(H P, D).</param>
/// <param name="Length">Positions that are stored; the next one stands there.</param>
internal readonly record struct CachedLayer(Matrix Keys, Matrix Values, int Length);

/// <summary>
/// Everything between the matrix products, on one kind of device. Shapes: N rows (B windows of T tokens), C channels,
/// V tokens of the vocabulary. Matrices are row-major; results are written into the matrices that are passed.
/// </summary>
internal interface IKernels : IDisposable
{
    /// <summary><c>x = (wte[tokens] + wpe[0..T]) * dropout</c>.</summary>
    void Embed(ReadOnlyMemory<int> tokens, int sequenceLength, Matrix wte, Matrix wpe, Dropout dropout, Matrix x);

    /// <summary>
    /// Adds the gradient of the token rows to <paramref name="dwte"/>, fp32, and writes that of the positions.
    /// </summary>
    void EmbedBackward(
        ReadOnlyMemory<int> tokens, int sequenceLength, Matrix dx, Dropout dropout, Matrix dwte, Matrix dwpe);

    /// <summary>
    /// <c>y = (x - mean) * rstd * gain + bias</c> with <c>rstd = 1 / sqrt(variance + epsilon)</c>.
    /// </summary>
    /// <param name="x">(N, C).</param>
    /// <param name="w">Gain and bias.</param>
    /// <param name="statistics">(2, N), fp32: takes the rows' means, then their rstd.</param>
    /// <param name="y">(N, C).</param>
    void LayerNorm(Matrix x, NormViews w, Matrix statistics, Matrix y);

    /// <summary>
    /// Adds the input's gradient to <paramref name="dx"/>; writes those of gain and bias unless they are frozen.
    /// </summary>
    void LayerNormBackward(Matrix dy, Matrix x, NormViews w, Matrix statistics, Matrix dx, NormViews? dw);

    /// <summary><c>x += bias</c>, row by row.</summary>
    void AddBias(Matrix x, Matrix bias);

    /// <summary>Attends, and leaves what the backward pass needs if there is one.</summary>
    /// <param name="qkv">(N, 3C): queries, keys and values side by side; must stay as it is until backward.</param>
    /// <param name="sequenceLength">T.</param>
    /// <param name="headCount">H.</param>
    /// <param name="forBackward">Whether a backward pass follows.</param>
    IAttention Attend(Matrix qkv, int sequenceLength, int headCount, bool forBackward);

    /// <summary>
    /// Stores one new position of every text in its cache, then attends to all positions up to it.
    /// </summary>
    /// <param name="qkv">(S, 3C) or more rows: queries, keys and values side by side, a row for each text.</param>
    /// <param name="caches">The texts' caches, S of them.</param>
    /// <param name="result">(S, C) or more rows.</param>
    void AttendToCaches(Matrix qkv, IReadOnlyList<CachedLayer> caches, Matrix result);

    /// <summary><c>y = gelu(x + bias)</c>, the tanh form (Hendrycks and Gimpel 2016).</summary>
    void Gelu(Matrix x, Matrix bias, Matrix y);

    /// <summary><c>dy *= gelu'(x + bias)</c>, in place.</summary>
    void GeluBackward(Matrix x, Matrix bias, Matrix dy);

    /// <summary><c>y = x + (branch + bias) * dropout</c>: the end of a residual branch.</summary>
    void AddBranch(Matrix x, Matrix branch, Matrix bias, Dropout dropout, Matrix y);

    /// <summary><c>dbranch = dy * dropout</c>.</summary>
    void DropoutBackward(Matrix dy, Dropout dropout, Matrix dbranch);

    /// <summary><c>y += x * dropout</c>.</summary>
    void AddDropped(Matrix x, Dropout dropout, Matrix y);

    /// <summary><c>y = x</c>, fp32 rounded to the type of activations.</summary>
    void Round(Matrix x, Matrix y);

    /// <summary><c>x = 0</c>.</summary>
    void Clear(Matrix x);

    /// <summary><c>dbias = </c> the sum of the rows of <paramref name="dy"/>.</summary>
    void SumRows(Matrix dy, Matrix dbias);
}

/// <summary>The loss over some rows of logits, by kernels.</summary>
internal interface ICrossEntropy
{
    /// <summary>
    /// The loss of each row in nats; the logits become the gradient of the sum of losses times <paramref
    /// name="scale"/>, unless that is 0. Columns from <paramref name="vocabularySize"/> on only pad the matrix.
    /// </summary>
    void CrossEntropy(
        Matrix logits, ReadOnlyMemory<int> targets, int vocabularySize, float scale, Memory<double> losses);
}

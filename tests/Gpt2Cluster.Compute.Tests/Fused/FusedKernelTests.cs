using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Kernels.Fused;
using Gpt2Cluster.Compute.Model;
using Gpt2Cluster.Compute.Torch;
using Gpt2Cluster.Core.Randomness;
using static TorchSharp.torch;
using Dropout = Gpt2Cluster.Compute.Kernels.Dropout;

namespace Gpt2Cluster.Compute.Tests.Fused;

/// <summary>Fused kernels against whole-tensor operations in fp32 on the same bf16 numbers.</summary>
public sealed class FusedKernelTests
{
    // bf16 keeps eight bits: a result is rounded once, by at most 2^-8 of itself, with a little room for fp32 sums.
    private const double OneRounding = 1.01 / 256;

    // Probabilities and their gradients are rounded before the second product.
    private const double TwoRoundings = 1.0 / 100;

    public FusedKernelTests() => TorchRuntime.Prepare(2);

    /// <summary>Rows, channels in, channels out, threads.</summary>
    public static TheoryData<int, int, int, int> Layers => new()
    {
        { 1, 64, 64, 1 },
        { 37, 64, 192, 2 },
        { 64, 128, 64, 3 },
        { 200, 192, 256, 2 },
        { 40, 2112, 64, 2 }, // more than one call deep
        { 2100, 64, 64, 7 },
    };

    [Theory]
    [MemberData(nameof(Layers))]
    public void A_layer_forward_adds_bias_gelu_dropout_and_stream(int rows, int inputs, int outputs, int threads)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        using var team = new ThreadTeam(threads);
        using var linear = new FusedLinear(team);
        using var x = NarrowValues.Random(rows, inputs, 1);
        using var weight = NarrowValues.Random(inputs, outputs, 2, 0.1f);
        using var bias = NarrowValues.Random(1, outputs, 3);
        using var stream = NarrowValues.Random(rows, outputs, 4);
        using var y = NarrowValues.Empty(rows, outputs);
        using var before = NarrowValues.Empty(rows, outputs);
        var plain = NarrowValues.Wide(x).mm(NarrowValues.Wide(weight)) + NarrowValues.Wide(bias);

        var w = new LinearParameters(weight, bias, null);
        linear.Forward(x, w, null, y);
        NarrowValues.AssertClose(plain, y, OneRounding);
        linear.ForwardGelu(x, w, null, before, y);
        NarrowValues.AssertClose(plain, before, OneRounding);
        NarrowValues.AssertClose(plain.gelu(TorchSharp.Modules.GELU.Approximate.tanh), y, 2 * OneRounding);
        var dropout = new Dropout(0.3, new RandomStream(5, RandomPurpose.Dropout, 1));
        var multipliers = new float[rows * outputs];
        dropout.Stream.FillKeepMultipliers(multipliers, 0, 0.3);
        linear.ForwardBranch(x, w, null, stream, dropout, before, y);
        var kept = plain * tensor(multipliers).view(rows, outputs);
        NarrowValues.AssertClose(NarrowValues.Wide(stream) + kept, y, OneRounding);
        linear.ForwardBranch(x, w, null, stream, Dropout.None, before, y);
        NarrowValues.AssertClose(NarrowValues.Wide(stream) + plain, y, OneRounding);
    }

    [Theory]
    [MemberData(nameof(Layers))]
    public void A_layer_backward_gives_the_gradients_of_input_weight_and_bias(
        int rows, int inputs, int outputs, int threads)
    {
        using var scope = NewDisposeScope();
        using var team = new ThreadTeam(threads);
        using var linear = new FusedLinear(team);
        using var x = NarrowValues.Random(rows, inputs, 1);
        using var dy = NarrowValues.Random(rows, outputs, 2);
        using var weight = NarrowValues.Random(inputs, outputs, 3, 0.1f);
        using var bias = NarrowValues.Random(1, inputs, 4);
        using var dx = NarrowValues.Empty(rows, inputs);
        using var dweight = NarrowValues.Empty(inputs, outputs);
        using var dbias = NarrowValues.Empty(1, outputs);
        var plain = NarrowValues.Wide(dy).mm(NarrowValues.Wide(weight).t());

        linear.BackwardInput(dy, weight, null, dx);
        NarrowValues.AssertClose(plain, dx, OneRounding);
        linear.BackwardGelu(dy, weight, null, x, bias, dx);
        var input = NarrowValues.Wide(x).detach().requires_grad_();
        var gradient = autograd.grad([input.gelu(TorchSharp.Modules.GELU.Approximate.tanh)], [input], [plain])[0];
        NarrowValues.AssertClose(gradient, dx, OneRounding);
        linear.BackwardWeight(x, dy, dweight, dbias);
        NarrowValues.AssertClose(NarrowValues.Wide(x).t().mm(NarrowValues.Wide(dy)), dweight, OneRounding);
        NarrowValues.AssertClose(NarrowValues.Wide(dy).sum([0L], keepdim: true), dbias, OneRounding);
    }

    /// <summary>Windows, tokens, heads, channels of a head, threads: one tile and several, full and not.</summary>
    public static TheoryData<int, int, int, int, int> Windows => new()
    {
        { 2, 1, 2, 32, 1 },
        { 1, 7, 3, 64, 2 },
        { 3, 64, 2, 32, 3 },
        { 1, 65, 2, 64, 2 },
        { 2, 150, 1, 96, 2 },
        { 1, 256, 2, 64, 2 },
        { 1, 300, 1, 160, 2 },
    };

    [Theory]
    [MemberData(nameof(Windows))]
    public void Attention_and_its_gradient_are_those_of_libtorch(
        int windows, int length, int heads, int width, int threads)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        using var team = new ThreadTeam(threads);
        var (rows, channels) = (windows * length, heads * width);
        using var qkv = NarrowValues.Random(rows, 3 * channels, 1);
        using var dresult = NarrowValues.Random(rows, channels, 2);
        using var dqkv = NarrowValues.Empty(rows, 3 * channels);
        using var own = new FusedAttention(team, WorkerScratch.For(threads), qkv, length, heads, true);
        own.Backward(dresult, dqkv);

        using var wide = NarrowValues.Host.Wrap(NarrowValues.Wide(qkv));
        using var dmlp = NarrowValues.Host.Wrap(NarrowValues.Wide(dresult));
        using var dexpected = NarrowValues.Host.Matrix(rows, 3 * channels, ScalarType.Float32);
        using var twin = TorchAttention.Forward(new TorchOperators(), wide, length, heads, forBackward: true);
        twin.Backward(dmlp, dexpected);
        NarrowValues.AssertClose(twin.Result.Tensor, own.Result, TwoRoundings);
        for (var part = 0; part < 3; part++)
        {
            using var found = NarrowValues.Host.Wrap(dqkv.Tensor.narrow(1, part * channels, channels).contiguous());
            NarrowValues.AssertClose(
                dexpected.Tensor.narrow(1, part * channels, channels), found, TwoRoundings);
        }
    }

    /// <summary>Rows, channels, tokens, threads: one chunk and several, full and not.</summary>
    public static TheoryData<int, int, int, int> Vocabularies => new()
    {
        { 1, 64, 64, 1 },
        { 70, 128, 97, 2 },
        { 64, 64, 600, 3 },
        { 1100, 64, 1300, 2 },
    };

    [Theory]
    [MemberData(nameof(Vocabularies))]
    public void Losses_over_the_vocabulary_and_their_gradients_are_those_of_libtorch(
        int rows, int width, int vocabulary, int threads)
    {
        using var scope = NewDisposeScope();
        using var team = new ThreadTeam(threads);
        using var loss = new FusedHeadLoss(team, vocabulary, new PhaseClock());
        var padded = VocabularyPadding.PaddedRows(vocabulary);
        using var hidden = NarrowValues.Random(rows, width, 1);
        using var tokens = NarrowValues.Random(padded, width, 2, 0.2f);
        using var dhidden = NarrowValues.Empty(rows, width);
        using var dtokens = NarrowValues.Host.Matrix(padded, width, ScalarType.Float32);
        var targets = Enumerable.Range(0, rows).Select(row => row * 7 % vocabulary).ToArray();
        var (losses, again) = (new double[rows], new double[rows]);
        loss.Run(hidden, tokens, targets, losses, new HeadLossGradients(1f / rows, dhidden, dtokens));
        loss.Run(hidden, tokens, targets, again, null);
        Assert.Equal(losses, again);

        var x = NarrowValues.Wide(hidden).detach().requires_grad_();
        var e = NarrowValues.Wide(tokens).detach().requires_grad_();
        var logits = x.mm(e.narrow(0, 0, vocabulary).t()).to(ScalarType.BFloat16).to(ScalarType.Float32);
        var expected = nn.functional.cross_entropy(
            logits, tensor(targets, ScalarType.Int64), reduction: nn.Reduction.None);
        var gradients = autograd.grad([expected.mean()], [x, e]);
        Assert.All(
            expected.detach().data<float>().Zip(losses), pair => Assert.Equal(pair.First, pair.Second, 1e-3));
        NarrowValues.AssertClose(gradients[0], dhidden, TwoRoundings);
        NarrowValues.AssertClose(gradients[1], dtokens, TwoRoundings);
    }
}

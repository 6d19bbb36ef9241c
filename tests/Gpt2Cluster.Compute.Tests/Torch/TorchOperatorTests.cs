using System.Runtime.InteropServices;
using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Kernels;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Compute.Model;
using Gpt2Cluster.Compute.Tests.Support;
using Gpt2Cluster.Compute.Torch;
using Gpt2Cluster.Core.Randomness;
using Gpt2Cluster.Core.Specification;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Tests.Torch;

/// <summary>What the torch backend makes of libtorch's operators, on a processor that it cannot see into.</summary>
public sealed class TorchOperatorTests
{
    private const double LossTolerance = 1e-6;

    [Theory]
    [InlineData(0.1, 5, 7)]
    [InlineData(0.5, 3, 64)]
    [InlineData(0.9, 1, 2)]
    public void Dropout_masks_are_the_hosts(double probability, int rows, int columns)
    {
        TorchRuntime.Prepare(1);
        var stream = new RandomStream(0xFEDCBA9876543210, RandomPurpose.Dropout, 4_000_000_000, 77, 11, 2);
        var expected = new float[rows * columns];
        stream.FillKeepMultipliers(expected, 0, probability);
        using var scope = NewDisposeScope();
        var memory = new TensorMemory(CPU);
        using var like = memory.Matrix(rows, columns, ScalarType.Float32);
        var found = new DropoutMasks(memory.Operators).Of(new Dropout(probability, stream), like);
        Assert.Equal(expected, MemoryMarshal.Cast<byte, float>(found.contiguous().bytes).ToArray());
    }

    [Theory]
    [InlineData(OptimizerKind.AdamW)]
    [InlineData(OptimizerKind.Sgd)]
    public void An_update_has_the_bits_of_the_processors(OptimizerKind kind)
    {
        var options = Replicas.Tiny with { Optimizer = new OptimizerOptions(kind, WeightDecay: 0.1) };
        using var own = Replicas.Create(options);
        using var twin = Replicas.Create(options, Route.Tensors);
        own.Initialize(5);
        twin.Initialize(5);
        var values = new float[own.Layout.Length];
        for (var step = 1; step <= 3; step++)
        {
            var stream = new RandomStream(9, RandomPurpose.Synthetic, step);
            for (var index = 0; index < values.Length; index++)
                values[index] = stream.Unit(index) - 0.5f;
            using var averages = Replicas.ToBuffer(values);
            var norm = own.GradientNorm(averages);
            Assert.Equal(norm, twin.GradientNorm(averages), norm * 1e-12);
            own.Apply(averages, step, 1e-2, 0.7);
            twin.Apply(averages, step, 1e-2, 0.7);
            Assert.Equal(Replicas.Parameters(own), Replicas.Parameters(twin));
        }
    }

    [Fact]
    public void An_update_without_a_norm_takes_the_buffer_as_it_is()
    {
        using var replica = Replicas.Create(Replicas.Tiny, Route.Tensors);
        replica.Initialize(5);
        using var other = Replicas.Create(Replicas.Tiny, Route.Tensors);
        other.Initialize(5);
        var values = Enumerable.Range(0, (int)replica.Layout.Length).Select(index => 1f / (index + 1)).ToArray();
        using var averages = Replicas.ToBuffer(values);
        replica.Apply(averages, 1, 1e-2, 1);
        other.GradientNorm(averages);
        other.Apply(averages, 1, 1e-2, 1);
        Assert.Equal(Replicas.Parameters(other), Replicas.Parameters(replica));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Chunks_of_the_vocabulary_give_the_loss_and_gradient_of_one(bool trains)
    {
        TorchRuntime.Prepare(1);
        var memory = new TensorMemory(CPU);
        using var tokens = new BatchTokens(memory, new BlockingCopies(memory.Operators));
        var random = new RandomStream(3, RandomPurpose.Synthetic);
        var targets = Enumerable.Range(0, 13).Select(row => random.Below(row, 97)).ToArray();
        var (losses, hidden, embedding) = Run(mostBytes: 1 << 20);
        var (chunkLosses, chunkHidden, chunkEmbedding) = Run(mostBytes: 4 * 128 * sizeof(float));
        for (var row = 0; row < targets.Length; row++)
            Assert.Equal(losses[row], chunkLosses[row], LossTolerance);
        for (var index = 0; index < hidden.Length; index++)
            Assert.Equal(hidden[index], chunkHidden[index], LossTolerance);
        for (var index = 0; index < embedding.Length; index++)
            Assert.Equal(embedding[index], chunkEmbedding[index], LossTolerance);

        (double[] Losses, float[] Hidden, float[] Embedding) Run(long mostBytes)
        {
            using var scope = NewDisposeScope();
            using var mode = no_grad();
            using var x = Numbers(13, 16, 1);
            using var wte = Numbers(128, 16, 2);
            using var dx = Numbers(13, 16, 4);
            using var dwte = Numbers(128, 16, 5);
            var operators = memory.Operators;
            using var loss = new TorchHeadLoss(
                operators,
                new TorchMatmul(operators),
                tokens,
                new Core.Model.ModelShape(97, 16, 16, 2, 1),
                new PhaseClock(),
                mostBytes);
            var rows = new double[13];
            loss.Run(x, wte, targets, rows, trains ? new HeadLossGradients(1f / 13, dx, dwte) : null);
            loss.ReadLosses(rows);
            return (rows, Values(dx), Values(dwte));
        }

        Matrix Numbers(int rows, int columns, int place) => memory.Wrap(tensor(
            Enumerable.Range(0, rows * columns)
                .Select(index => new RandomStream(5, RandomPurpose.Synthetic, place).Unit(index) - 0.5f).ToArray())
            .view(rows, columns));
    }

    [Fact]
    public void A_refusal_of_libtorch_is_an_exception()
    {
        TorchRuntime.Prepare(1);
        using var scope = NewDisposeScope();
        var operators = new TorchOperators();
        var x = zeros(3, 4);
        Assert.Throws<ExternalException>(() => operators.GeluBackward(x, zeros(5, 7)));
        Assert.Throws<ExternalException>(() => operators.AttendByFlash(x, x, x, x, 1, 1));
        Assert.Throws<ExternalException>(() => operators.AttendEfficiently(x, x, x, 1));
    }

    [Fact]
    public void The_processor_does_not_reach_the_backends_memory()
    {
        var memory = new TensorMemory(CPU);
        using var flat = memory.Flat(8, ScalarType.Float32);
        Assert.Throws<InvalidOperationException>(() => flat.Buffer);
    }

    private static float[] Values(Matrix matrix) =>
        MemoryMarshal.Cast<byte, float>(matrix.Tensor.contiguous().bytes).ToArray();
}

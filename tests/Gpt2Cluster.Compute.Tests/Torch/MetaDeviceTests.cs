using System.Runtime.InteropServices;
using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Compute.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Tests.Torch;

/// <summary>
/// What of a micro-batch libtorch's meta device knows: tensors of shapes and types without elements. Shapes are checked
/// there and nothing is computed. A whole micro-batch does not run on it, as five of its operators have no C++ kernel
/// for that device (PyTorch has theirs in Python), and products, copies and indices on another device pass unseen.
/// </summary>
public sealed class MetaDeviceTests
{
    private const int Rows = 6; // N = 2 windows of 3 tokens
    private const int Width = 8; // C
    private const int Vocabulary = 11; // V

    private static readonly Device Meta = new(DeviceType.META);

    /// <summary>The arithmetic of a micro-batch, each given its operands in order.</summary>
    private static readonly Dictionary<string, Action<TorchOperators>> Known = new()
    {
        ["product into a place"] = on => on.Multiply(New(Rows, Width), New(Width, 24), New(Rows, 24), 0, 1),
        ["product"] = on => AssertShape(on.Multiply(New(Rows, Width), New(Width, 24)), Rows, 24),
        ["product and bias"] = on => on.MultiplyAndAdd(New(Rows, Width), New(Width, 24), New(24), New(Rows, 24)),
        ["GELU"] = on => on.Gelu(New(Rows, 32), New(Rows, 32)),
        ["GELU, backward"] = on => on.GeluBackward(New(Rows, 32), New(Rows, 32)),
        ["branch"] = on => on.Sum(New(Rows, Width), New(Rows, Width), New(Rows, Width)),
        ["sum of a bias"] = on => on.SumOverFirst(New(Rows, Width), New(Width)),
        ["logits"] = on => on.Multiply(New(Rows, Width), New(Vocabulary, Width).t(), New(Rows, Vocabulary), 0, 1),
        ["softmax"] = on => AssertShape(on.LogSoftmax(New(Rows, Vocabulary)), Rows, Vocabulary),
        ["losses"] = on => on.GatherColumns(New32(Rows, Vocabulary), Index(Rows, 1), New32(Rows, 1)),
        ["targets"] = on => on.AddToColumns(New32(Rows, Vocabulary), Index(Rows, 1), New32(Rows, 1)),
        ["fold"] = on => on.AddTo(New32(Rows * Width), New(Rows * Width)),
        ["gradients side by side"] = on =>
            on.Join([New(2, 3, 2, 4), New(2, 3, 2, 4), New(2, 3, 2, 4)], 2, New(2, 3, 6, 4)),
    };

    /// <summary>What has no kernel there; a libtorch that has one makes this test fail, and the list shorter.</summary>
    private static readonly Dictionary<string, Action<TorchOperators>> Unknown = new()
    {
        ["embedding"] = on => on.Rows(New(Vocabulary, Width), Index(Rows)),
        ["embedding, backward"] = on => on.RowsBackward(New32(Rows, Width), Index(Rows), Vocabulary),
        ["layer norm"] = on => on.LayerNorm(New(Rows, Width), New(Width), New(Width), 1e-5),
        ["attention"] = on => on.AttendOnCpu(New(2, 2, 3, 4), New(2, 2, 3, 4), New(2, 2, 3, 4)),
    };

    public static TheoryData<string> KnownNames => [.. Known.Keys];

    public static TheoryData<string> UnknownNames => [.. Unknown.Keys];

    [Theory]
    [MemberData(nameof(KnownNames))]
    public void Shapes_and_types_of_a_micro_batch_fit(string name) => On(Known[name]);

    [Theory]
    [MemberData(nameof(UnknownNames))]
    public void What_has_no_kernel_there_says_so(string name) =>
        Assert.Throws<ExternalException>(() => On(Unknown[name]));

    [Fact]
    public void A_wrong_shape_or_type_is_refused()
    {
        Refused(on => on.Multiply(New(Rows, Width), New(Width + 1, 24), New(Rows, 24), 0, 1));
        Refused(on => on.Multiply(New32(Rows, Width), New(Width, 24), New(Rows, 24), 0, 1));
        Refused(on => on.AddTo(New32(Rows), New(Width)));
        Refused(on => on.AddToColumns(New32(Rows, Vocabulary), Index(Rows, 1), New(Rows, 1)));

        static void Refused(Action<TorchOperators> call) => Assert.Throws<ExternalException>(() => On(call));
    }

    private static void On(Action<TorchOperators> call)
    {
        TorchRuntime.Prepare(1);
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        call(new TensorMemory(Meta).Operators);
    }

    private static void AssertShape(Tensor found, params long[] expected)
    {
        Assert.Equal(DeviceType.META, found.device_type);
        Assert.Equal(expected, found.shape);
    }

    private static Tensor New(params long[] shape) => empty(shape, ScalarType.BFloat16, Meta);

    private static Tensor New32(params long[] shape) => empty(shape, ScalarType.Float32, Meta);

    private static Tensor Index(params long[] shape) => empty(shape, ScalarType.Int64, Meta);
}

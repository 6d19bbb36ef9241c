using System.Runtime.InteropServices;
using Gpt2Cluster.Core.Memory;
using TorchSharp;
using static Gpt2Cluster.Compute.Memory.HeldNumber;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Torch;

/// <summary>
/// The operators that a torch backend hands to libtorch: every call of arithmetic, and every copy, passes here and is
/// counted. Views are the callers' own affair. Results are new tensors in the caller's dispose scope unless an operand
/// is named as the place they go to; such places must have the result's shape, as libtorch would silently give them
/// another.
/// </summary>
internal sealed class TorchOperators
{
    /// <summary>What was handed over.</summary>
    public OperatorCounts Counts { get; } = new();

    /// <summary><c>into = from</c>, converted.</summary>
    public void Copy(Tensor from, Tensor into) => Count(into.copy_(from));

    /// <summary>A copy.</summary>
    public Tensor Copied(Tensor x) => Count(x.clone());

    /// <summary>A copy in another type.</summary>
    public Tensor Converted(Tensor x, ScalarType type) => Count(x.to(type));

    /// <summary>Sets all elements to zero.</summary>
    public void Clear(Tensor x) => Count(x.zero_());

    /// <summary>Sets all elements to a number.</summary>
    public void Fill(Tensor x, double value) => Count(With(value, number => x.fill_(number)));

    /// <summary><c>x += y</c>; y is broadcast.</summary>
    public void AddTo(Tensor x, Tensor y) => Count(With(1L, factor => x.add_(y, factor)));

    /// <summary><c>x += number</c>.</summary>
    public void AddTo(Tensor x, double number) =>
        Count(With(number, held => With(1L, factor => x.add_(held, factor))));

    /// <summary><c>x -= y</c>.</summary>
    public void SubtractFrom(Tensor x, Tensor y) => Count(x.sub_(y));

    /// <summary><c>a + b</c>, broadcast.</summary>
    public Tensor Sum(Tensor a, Tensor b) => Count(With(1L, factor => a.add(b, factor)));

    /// <summary><c>result = a + b</c>, broadcast to the result's shape.</summary>
    public void Sum(Tensor a, Tensor b, Tensor result) => Count(TorchFunctions.One("add", a, b, result));

    /// <summary><c>a b</c>, element by element.</summary>
    public Tensor Product(Tensor a, Tensor b) => Count(a * b);

    /// <summary><c>result = a b</c>, element by element, converted to the result's type.</summary>
    public void Product(Tensor a, Tensor b, Tensor result) => Count(TorchFunctions.One("mul", a, b, result));

    /// <summary><c>result = factor a</c>, in fp32, converted to the result's type.</summary>
    public void Scaled(Tensor a, float factor, Tensor result)
    {
        using var number = tensor(factor); // As a plain number it would fix the result's type.
        Product(a, number, result);
    }

    /// <summary><c>x *= factor</c>.</summary>
    public void Scale(Tensor x, double factor) => Count(With(factor, number => x.mul_(number)));

    /// <summary><c>x *= y</c>.</summary>
    public void Scale(Tensor x, Tensor y) => Count(x.mul_(y));

    /// <summary>The same factor for several tensors, in one operator.</summary>
    public void ScaleAll(Tensor[] tensors, double factor) => Count(TorchFunctions.One("scale_all", tensors, factor));

    /// <summary><c>x /= number</c>.</summary>
    public void Divide(Tensor x, double number) => Count(With(number, held => x.div_(held)));

    /// <summary><c>x /= y</c>.</summary>
    public void Divide(Tensor x, Tensor y) => Count(x.div_(y));

    /// <summary>
    /// <c>result = sqrt(x)</c>, rounded to nearest: a card's operator does so, a processor's only in fp64 (every fifth
    /// fp32 root is one bit off).
    /// </summary>
    public void Root(Tensor x, Tensor result)
    {
        if (x.device_type == DeviceType.CUDA)
            Count(TorchFunctions.One("sqrt", x, result));
        else
            Copy(Count(Converted(x, ScalarType.Float64).sqrt_()), result);
    }

    /// <summary><c>x = exp(x)</c>.</summary>
    public void Exponentiate(Tensor x) => Count(x.exp_());

    /// <summary>All elements added up, in fp64.</summary>
    public Tensor Total(Tensor x) => Count(x.sum(type: ScalarType.Float64));

    /// <summary>
    /// <c>result</c> = the sum over the first dimension; bf16 is added up in fp32 and rounded once.
    /// </summary>
    public void SumOverFirst(Tensor x, Tensor result) => Count(TorchFunctions.One("sum_first", x, result));

    /// <summary>The sum over the last of two dimensions.</summary>
    public Tensor SumOverLast(Tensor x) => Count(x.sum([1L]));

    /// <summary>Tensors one behind the other along a dimension.</summary>
    public Tensor Joined(Tensor[] tensors, long dimension) => Count(cat(tensors, dimension));

    /// <summary><c>result</c> = tensors one behind the other along a dimension.</summary>
    public void Join(Tensor[] tensors, long dimension, Tensor result) =>
        Count(TorchFunctions.One("join", tensors, dimension, result));

    /// <summary>Tensors of one dimension side by side: as many columns as tensors.</summary>
    public Tensor Stacked(Tensor[] tensors) => Count(stack(tensors, 1));

    /// <summary>The same elements in order, copied unless they lie so.</summary>
    public Tensor InOrder(Tensor x) => x.is_contiguous() ? x.alias() : Count(x.contiguous());

    /// <summary>Zeros behind the last dimension up to a width; the tensor itself if it is as wide.</summary>
    public Tensor Padded(Tensor x, long width)
    {
        var missing = width - x.shape[^1];
        return missing == 0 ? x : Count(nn.functional.pad(x, [0, missing]));
    }

    /// <summary><c>c = keep c + factor a b</c>.</summary>
    public void Multiply(Tensor a, Tensor b, Tensor c, float keep, float factor) => Count(c.addmm_(a, b, keep, factor));

    /// <summary><c>a b</c>.</summary>
    public Tensor Multiply(Tensor a, Tensor b) => Count(a.mm(b));

    /// <summary><c>c = a b + bias</c>.</summary>
    public void MultiplyAndAdd(Tensor a, Tensor b, Tensor bias, Tensor c) =>
        Count(TorchFunctions.One("addmm", bias, a, b, c));

    /// <summary>Normalises rows; returns them, their means and their reciprocal standard deviations, (N, 1).</summary>
    public (Tensor Rows, Tensor Mean, Tensor Rstd) LayerNorm(Tensor x, Tensor gain, Tensor bias, double epsilon) =>
        Counted(TorchFunctions.Three("layer_norm", x, gain, bias, epsilon));

    /// <summary>The gradients of input, gain and bias.</summary>
    public (Tensor Input, Tensor Gain, Tensor Bias) LayerNormBackward(
        Tensor dy, Tensor x, Tensor mean, Tensor rstd, Tensor gain, Tensor bias) =>
        Counted(TorchFunctions.Three("layer_norm_backward", dy, x, mean, rstd, gain, bias));

    /// <summary>The gradient of the input alone.</summary>
    public Tensor LayerNormBackwardInput(
        Tensor dy, Tensor x, Tensor mean, Tensor rstd, Tensor gain, Tensor bias) =>
        Count(TorchFunctions.One("layer_norm_backward_input", dy, x, mean, rstd, gain, bias));

    /// <summary><c>y = gelu(x)</c>, the tanh form.</summary>
    public void Gelu(Tensor x, Tensor y) => Count(TorchFunctions.One("gelu", x, y));

    /// <summary><c>dy *= gelu'(x)</c>.</summary>
    public void GeluBackward(Tensor x, Tensor dy) => Count(TorchFunctions.One("gelu_backward", dy, x, dy));

    /// <summary>The logarithms of the softmax of rows, fp32.</summary>
    public Tensor LogSoftmax(Tensor x) => Count(TorchFunctions.One("log_softmax", x));

    /// <summary><c>result</c> = one element of each row.</summary>
    public void GatherColumns(Tensor x, Tensor index, Tensor result) =>
        Count(TorchFunctions.One("gather_columns", x, index, result));

    /// <summary>Adds to one element of each row.</summary>
    public void AddToColumns(Tensor x, Tensor index, Tensor addends) => Count(x.scatter_add_(1, index, addends));

    /// <summary>Rows by their indices.</summary>
    public Tensor Rows(Tensor x, Tensor index) => Count(x.index_select(0, index));

    /// <summary>The gradient of such rows, summed by index, for as many rows as the table has.</summary>
    public Tensor RowsBackward(Tensor dy, Tensor index, int rows) =>
        Count(TorchFunctions.One("embedding_backward", dy, index, (long)rows));

    /// <summary>Attention to all positions that are there: one new query a head.</summary>
    public Tensor Attend(Tensor query, Tensor keys, Tensor values) =>
        Count(nn.functional.scaled_dot_product_attention(query, keys, values));

    /// <summary>Causal attention on a processor; each (B, H, T, D). Returns the result and the rows' sums.</summary>
    public (Tensor Result, Tensor Sums) AttendOnCpu(Tensor q, Tensor k, Tensor v)
    {
        Counts.Add();
        return TorchFunctions.Two("attention_cpu", q, k, v);
    }

    /// <summary>Its gradients.</summary>
    public Tensor[] AttendOnCpuBackward(Tensor dy, Tensor q, Tensor k, Tensor v, Tensor y, Tensor sums)
    {
        var (dq, dk, dv) = Counted(TorchFunctions.Three("attention_cpu_backward", dy, q, k, v, y, sums));
        return [dq, dk, dv];
    }

    /// <summary>
    /// Causal attention of bf16 on a card; each (N, H, D), windows one behind the other, which begin at
    /// <paramref name="starts"/>. Returns the result, the rows' sums, and two tensors for the backward pass.
    /// </summary>
    public Tensor[] AttendByFlash(Tensor q, Tensor k, Tensor v, Tensor starts, int length, double factor) =>
        Counted(TorchFunctions.Several("attention_flash", q, k, v, starts, (long)length, factor));

    /// <summary>Its gradients.</summary>
    public Tensor[] AttendByFlashBackward(
        Tensor dy, Tensor[] inputs, Tensor[] kept, Tensor starts, int length, double factor)
    {
        var (dq, dk, dv) = Counted(TorchFunctions.Three(
            "attention_flash_backward",
            dy, inputs[0], inputs[1], inputs[2], kept[0], kept[1], starts, (long)length, kept[2], kept[3], factor));
        return [dq, dk, dv];
    }

    /// <summary>Causal attention of fp32 on a card; each (B, T, H, D). Returns as flash attention does.</summary>
    public Tensor[] AttendEfficiently(Tensor q, Tensor k, Tensor v, double factor) =>
        Counted(TorchFunctions.Several("attention_efficient", q, k, v, factor));

    /// <summary>Its gradients.</summary>
    public Tensor[] AttendEfficientlyBackward(Tensor dy, Tensor[] inputs, Tensor[] kept, int length, double factor) =>
        Counted(TorchFunctions.Several(
            "attention_efficient_backward",
            dy, inputs[0], inputs[1], inputs[2], kept[0], kept[1], (long)length, kept[2], kept[3], factor));

    /// <summary>Integers from <paramref name="first"/> on, int64.</summary>
    public Tensor Counted(long first, long count, Device device) =>
        Count(With(first, from => With(first + count, to => With(1L, step =>
            arange(from, to, step, ScalarType.Int64, device)))));

    /// <summary>int64 times a word, its lower 64 bits.</summary>
    public Tensor IntegerProduct(Tensor x, uint factor) => Count(With((long)factor, number => x.mul(number)));

    /// <summary>The upper word of int64.</summary>
    public Tensor UpperWord(Tensor x, long mask)
    {
        var shifted = Count(x.bitwise_right_shift(Wide(32, x.device)));
        Mask(shifted, mask);
        return shifted;
    }

    /// <summary><c>x = x and mask</c>, bit by bit.</summary>
    public void Mask(Tensor x, long mask) => Count(x.bitwise_and_(Wide(mask, x.device)));

    /// <summary><c>x = x xor y xor key</c>, bit by bit.</summary>
    public void ExclusiveOr(Tensor x, Tensor y, uint key)
    {
        Count(x.bitwise_xor_(y));
        Count(x.bitwise_xor_(Wide(key, x.device)));
    }

    /// <summary>Whether int64 elements are a number or more.</summary>
    public Tensor AtLeast(Tensor x, long number) => Count(With(number, held => x.ge(held)));

    /// <summary>Copies elements from the host; they are converted.</summary>
    public void Upload(Tensor host, Tensor into)
    {
        Counts.AddWait();
        into.copy_(host);
    }

    /// <summary>Copies elements to the host and waits for them.</summary>
    public void Read<T>(Tensor x, Span<T> into, HostRead kind)
        where T : unmanaged
    {
        Counts.AddRead(kind, (long)into.Length * Marshal.SizeOf<T>());
        using var scope = NewDisposeScope();
        MemoryMarshal.Cast<byte, T>(x.cpu().contiguous().bytes).CopyTo(into);
    }

    /// <summary>Copies elements to the host as they are and waits for them.</summary>
    public void Read(Tensor x, FlatBuffer into, long start, int count, HostRead kind) =>
        Read(x, into.Bytes(start, count), kind);

    /// <summary>A tensor of one number, or of as many as it has in each dimension.</summary>
    public static Tensor Constant(double value, ScalarType type, Device device, params long[] shape) =>
        With(value, number => full(shape, number, type, device));

    /// <inheritdoc cref="Constant(double, ScalarType, Device, long[])"/>
    public static Tensor Constant(long value, Device device, params long[] shape) =>
        With(value, number => full(shape, number, ScalarType.Int64, device));

    /// <summary>0, a step, twice the step and so on, below an end, int32.</summary>
    public static Tensor Steps(long end, long step, Device device) =>
        With(0L, from => With(end, to => With(step, by => arange(from, to, by, ScalarType.Int32, device))));

    private static Tensor Wide(long value, Device device) => Constant(value, device);

    private Tensor Count(Tensor result)
    {
        Counts.Add();
        return result;
    }

    private T Counted<T>(T results)
    {
        Counts.Add();
        return results;
    }
}

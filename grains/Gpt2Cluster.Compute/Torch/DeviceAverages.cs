using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Torch;

/// <summary>
/// A step's averaged gradient on the device, fp32: it goes up once, range by range as it lands or whole for the norm,
/// or is made there of the sums; and stays for the update.
/// </summary>
internal sealed class DeviceAverages(TensorMemory memory, IHostCopies copies) : IAveragesSink, IDisposable
{
    /// <summary>Elements that one operator takes: temporary tensors have no more.</summary>
    public const int MostElements = CardMemoryEstimate.MostUpdateElements;

    private const int BlockElements = NormBlocks.BlockElements;

    private readonly TorchOperators operators = memory.Operators;
    private FlatBuffer? source;
    private Tensor? values;
    private long landedCount; // elements that went up as they landed

    /// <summary>Makes ready for averages that land one behind the other; what was there is forgotten.</summary>
    public IAveragesSink Await(long length)
    {
        New(length);
        return this;
    }

    /// <inheritdoc/>
    public void Landed(FlatBuffer averages, long start, long end)
    {
        if (!ReferenceEquals(source, averages))
            (source, landedCount) = (averages, 0);
        copies.Bring(averages, values!, start, end);
        landedCount += end - start;
    }

    /// <summary>
    /// The Euclidean norm of the first elements of a buffer: fp64 sums of squares over blocks of
    /// <see cref="NormBlocks.BlockElements"/> on the device, whose order inside a block is libtorch's and depends on
    /// nothing but its size; then the blocks in order on the host.
    /// </summary>
    /// <param name="averages">The buffer; null for what <see cref="Make"/> made.</param>
    /// <param name="length">How many elements.</param>
    public double Norm(FlatBuffer? averages, long length)
    {
        using var scope = NewDisposeScope();
        var all = averages is null ? Made() : HasLanded(averages, length) ? Arrived() : Upload(averages, length);
        var sums = new double[NormBlocks.BlockCount(length)];
        var read = new List<Tensor>();
        for (var first = 0L; first < all.shape[0]; first += MostElements)
        {
            var count = Math.Min(MostElements, all.shape[0] - first);
            var squares = operators.Converted(all.narrow(0, first, count), ScalarType.Float64);
            operators.Scale(squares, squares);
            read.Add(operators.SumOverLast(squares.view(-1, BlockElements)));
        }

        operators.Read(read.Count == 1 ? read[0] : operators.Joined([.. read], 0), sums.AsSpan(), HostRead.Norm);
        return NormBlocks.Norm(sums);
    }

    /// <summary>
    /// The elements of a buffer whose norm was just taken, or of another, which goes up; the caller's.
    /// </summary>
    /// <param name="averages">The buffer; null for what <see cref="Make"/> made.</param>
    /// <param name="length">How many elements.</param>
    public Tensor Take(FlatBuffer? averages, long length)
    {
        var all = averages is null ? Made()
            : HasLanded(averages, length) || HasBeenUploaded(averages) ? Arrived()
            : Upload(averages, length);
        (source, values, landedCount) = (null, null, 0);
        return all;
    }

    /// <summary>
    /// Makes the averages of the sum over all leaves: the same division as on a processor. The divisor is a tensor,
    /// because a card would multiply by the reciprocal of a plain number.
    /// </summary>
    public void Make(Tensor root, int leafCount, long length)
    {
        var all = New(length);
        using var scope = NewDisposeScope();
        operators.Copy(root.narrow(0, 0, length), all.narrow(0, 0, length));
        if (leafCount > 1)
            operators.Divide(all, TorchOperators.Constant((double)leafCount, ScalarType.Float32, memory.Device));
    }

    /// <summary>Forgets what was not taken.</summary>
    public void Drop()
    {
        copies.Arrive();
        Forget();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Releasing.After(copies.Arrive);
        Forget();
    }

    private void Forget()
    {
        values?.Dispose();
        (source, values, landedCount) = (null, null, 0);
    }

    private bool HasLanded(FlatBuffer averages, long length) =>
        ReferenceEquals(source, averages) && landedCount == length;

    private bool HasBeenUploaded(FlatBuffer averages) => ReferenceEquals(source, averages) && landedCount == 0;

    private Tensor Arrived()
    {
        copies.Arrive();
        return values!;
    }

    private Tensor Upload(FlatBuffer averages, long length)
    {
        var all = New(length);
        source = averages;
        copies.Bring(averages, all, 0, length);
        return Arrived();
    }

    private Tensor Made() => source is null && values is not null
        ? values
        : throw new InvalidOperationException("No averages were made on the device.");

    /// <summary>
    /// Memory for averages, of whole blocks, zero behind the last element; what was there is forgotten.
    /// </summary>
    private Tensor New(long length)
    {
        Drop();
        var padded = Math.Max(1, NormBlocks.BlockCount(length)) * (long)BlockElements;
        values = empty(padded, ScalarType.Float32, memory.Device).DetachFromDisposeScope();
        using var scope = NewDisposeScope();
        if (length < padded)
            operators.Clear(values.narrow(0, length, padded - length));
        return values;
    }
}

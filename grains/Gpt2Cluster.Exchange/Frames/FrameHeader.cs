using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Exchange.Frames;

/// <summary>
/// The fixed start of every frame, little endian. A payload of <see cref="PayloadBytes"/> follows, and behind a
/// payload that is not empty the 8 bytes of its <see cref="StripeChecksum"/>.
/// </summary>
/// <param name="Kind">What the frame is.</param>
/// <param name="ElementType">What the payload's elements are.</param>
/// <param name="Run">The run's key, <see cref="RunKey"/>.</param>
/// <param name="Generation">The sender's generation of the run.</param>
/// <param name="Step">The step the frame belongs to.</param>
/// <param name="Stripe">The stripe's index.</param>
/// <param name="Subtree">Which sum the stripe is cut from; the root for averages.</param>
/// <param name="PayloadBytes">Bytes of the payload.</param>
internal readonly record struct FrameHeader(
    FrameKind Kind,
    ElementType ElementType,
    ulong Run,
    int Generation,
    long Step,
    int Stripe,
    Subtree Subtree,
    int PayloadBytes)
{
    /// <summary>Bytes of a header.</summary>
    public const int SizeBytes = 56;

    /// <summary>Bytes of the checksum behind a payload.</summary>
    public const int TrailerBytes = 8;

    private const uint Magic = 0x58534732;
    private const ushort Version = 1;
    private const int HashedBytes = 48;

    /// <summary>The key that stands for a run's name in frames.</summary>
    public static ulong RunKey(RunName run) =>
        XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(run.ToString()));

    /// <summary>Writes the header, its checksum included, into <paramref name="into"/>.</summary>
    public void Write(Span<byte> into)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(into, Magic);
        BinaryPrimitives.WriteUInt16LittleEndian(into[4..], Version);
        into[6] = (byte)Kind;
        into[7] = (byte)ElementType;
        BinaryPrimitives.WriteUInt64LittleEndian(into[8..], Run);
        BinaryPrimitives.WriteInt64LittleEndian(into[16..], Step);
        BinaryPrimitives.WriteInt32LittleEndian(into[24..], Generation);
        BinaryPrimitives.WriteInt32LittleEndian(into[28..], Stripe);
        BinaryPrimitives.WriteInt32LittleEndian(into[32..], Subtree.Level);
        BinaryPrimitives.WriteInt32LittleEndian(into[36..], Subtree.Index);
        BinaryPrimitives.WriteInt32LittleEndian(into[40..], PayloadBytes);
        BinaryPrimitives.WriteInt32LittleEndian(into[44..], 0);
        BinaryPrimitives.WriteUInt64LittleEndian(into[HashedBytes..], XxHash3.HashToUInt64(into[..HashedBytes]));
    }

    /// <summary>Reads a header.</summary>
    /// <exception cref="FrameFaultException">The bytes are no header of this version.</exception>
    public static FrameHeader Read(ReadOnlySpan<byte> from)
    {
        if (BinaryPrimitives.ReadUInt32LittleEndian(from) != Magic)
            throw new FrameFaultException("The bytes are no frame of the stripe channel.");
        var version = BinaryPrimitives.ReadUInt16LittleEndian(from[4..]);
        if (version != Version)
            throw new FrameFaultException($"The frame has version {version}, this silo speaks {Version}.");
        if (BinaryPrimitives.ReadUInt64LittleEndian(from[HashedBytes..]) != XxHash3.HashToUInt64(from[..HashedBytes]))
            throw new FrameFaultException("A frame header's checksum is wrong.");
        return new FrameHeader(
            (FrameKind)from[6],
            (ElementType)from[7],
            BinaryPrimitives.ReadUInt64LittleEndian(from[8..]),
            BinaryPrimitives.ReadInt32LittleEndian(from[24..]),
            BinaryPrimitives.ReadInt64LittleEndian(from[16..]),
            BinaryPrimitives.ReadInt32LittleEndian(from[28..]),
            new Subtree(
                BinaryPrimitives.ReadInt32LittleEndian(from[32..]), BinaryPrimitives.ReadInt32LittleEndian(from[36..])),
            BinaryPrimitives.ReadInt32LittleEndian(from[40..]));
    }

    /// <summary>Looks whether its stripe has a place in a run.</summary>
    /// <exception cref="FrameFaultException">There is no such stripe, or its payload is another.</exception>
    public void CheckShape(StripeLayout layout, RunName run)
    {
        if (Stripe < 0 || Stripe >= layout.StripeCount)
            throw new FrameFaultException($"Run {run} has {layout.StripeCount} stripes, none is {Stripe}.");
        var isFloat = ElementType == ElementType.Float32;
        if (!isFloat && (ElementType != ElementType.BFloat16 || Kind == FrameKind.Average))
            throw new FrameFaultException($"Element type {(int)ElementType} has no place in this frame.");
        var bytes = layout.Range(Stripe).Count * (isFloat ? sizeof(float) : sizeof(ushort));
        if (PayloadBytes != bytes)
            throw new FrameFaultException($"Stripe {Stripe} has {bytes} bytes, not {PayloadBytes}.");
    }
}

using System.Buffers;
using System.Text;
using Gpt2Cluster.Core.Names;
using Orleans.Serialization.Buffers;
using Orleans.Serialization.Codecs;
using Orleans.Serialization.WireProtocol;

namespace Gpt2Cluster.Contracts;

/// <summary>A name on its way: its text.</summary>
public abstract class NameCodec<TName> : IFieldCodec<TName>
    where TName : struct, IName<TName>
{
    /// <inheritdoc/>
    public void WriteField<TBufferWriter>(
        ref Writer<TBufferWriter> writer, uint fieldIdDelta, Type? expectedType, TName value)
        where TBufferWriter : IBufferWriter<byte>
    {
        ReferenceCodec.MarkValueField(writer.Session);
        writer.WriteFieldHeader(fieldIdDelta, expectedType, typeof(TName), WireType.LengthPrefixed);
        var text = value.ToString();
        var count = Encoding.UTF8.GetByteCount(text);
        writer.WriteVarUInt32((uint)count);
        StringCodec.WriteRaw(ref writer, text, count);
    }

    /// <inheritdoc/>
    public TName ReadValue<TInput>(ref Reader<TInput> reader, Field field)
    {
        ReferenceCodec.MarkValueField(reader.Session);
        field.EnsureWireType(WireType.LengthPrefixed);
        return TName.Parse(StringCodec.ReadRaw(ref reader, reader.ReadVarUInt32()));
    }
}

/// <summary>A run's name on its way.</summary>
[RegisterSerializer]
public sealed class RunNameCodec : NameCodec<RunName>;

/// <summary>A silo's name on its way.</summary>
[RegisterSerializer]
public sealed class SiloNameCodec : NameCodec<SiloName>;

/// <summary>A worker on its way.</summary>
[RegisterSerializer]
public sealed class WorkerIdCodec : NameCodec<WorkerId>;

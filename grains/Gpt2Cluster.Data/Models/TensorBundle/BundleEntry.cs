namespace Gpt2Cluster.Data.Models.TensorBundle;

/// <summary>
/// What the index says of one variable: TensorFlow's <c>BundleEntryProto</c>
/// (tensorflow/core/protobuf/tensor_bundle.proto).
/// </summary>
/// <param name="Name">The variable's name.</param>
/// <param name="Type">Number of its element type, <c>DataType</c> of tensorflow/core/framework/types.proto.</param>
/// <param name="Dimensions">Its dimensions; none for a scalar.</param>
/// <param name="Shard">Which file of data it lies in, counted from 0.</param>
/// <param name="Offset">Its first byte there.</param>
/// <param name="Bytes">How many it has.</param>
/// <param name="Checksum">Their masked CRC-32C.</param>
/// <param name="IsSliced">Whether it lies in slices under other names instead.</param>
internal sealed record BundleEntry(
    string Name,
    int Type,
    IReadOnlyList<long> Dimensions,
    int Shard,
    long Offset,
    long Bytes,
    uint Checksum,
    bool IsSliced)
    : WeightTensor(Name, TypeName(Type), Dimensions, !IsSliced && TypeOf(Type) is not null)
{
    private const int MostDimensions = 16;

    /// <summary>What its elements are; null for a type that is not read.</summary>
    public ElementType? ElementType => TypeOf(Type);

    /// <summary>Reads one entry.</summary>
    /// <exception cref="InvalidDataException">It is wrong; the message says how.</exception>
    public static BundleEntry Parse(string name, ReadOnlySpan<byte> message)
    {
        var (type, shard, offset, bytes, checksum, isSliced) = (0L, 0L, 0L, 0L, 0u, false);
        IReadOnlyList<long> dimensions = [];
        var reader = new WireReader(message);
        while (!reader.IsAtEnd)
        {
            var (number, value) = reader.ReadField(out var content);
            switch (number)
            {
                case 1:
                    type = (long)value;
                    break;
                case 2:
                    dimensions = ParseShape(name, content);
                    break;
                case 3:
                    shard = (long)value;
                    break;
                case 4:
                    offset = (long)value;
                    break;
                case 5:
                    bytes = (long)value;
                    break;
                case 6:
                    checksum = (uint)value;
                    break;
                case 7:
                    isSliced = true;
                    break;
            }
        }

        if (type is < 0 or > int.MaxValue || shard is < 0 or > int.MaxValue || offset < 0 || bytes < 0)
            throw new InvalidDataException($"the entry of {name} has a negative number");
        CheckSize(name, (int)type, dimensions, bytes, isSliced);
        return new BundleEntry(name, (int)type, dimensions, (int)shard, offset, bytes, checksum, isSliced);
    }

    private static List<long> ParseShape(string name, ReadOnlySpan<byte> message)
    {
        var dimensions = new List<long>();
        var shape = new WireReader(message);
        while (!shape.IsAtEnd)
        {
            var (number, value) = shape.ReadField(out var content);
            if (number == 3 && value != 0)
                throw new InvalidDataException($"{name} has no known shape");
            if (number != 2)
                continue;
            if (dimensions.Count == MostDimensions)
                throw new InvalidDataException($"{name} has more than {MostDimensions} dimensions");
            dimensions.Add(ParseDimension(name, content));
        }

        return dimensions;
    }

    private static long ParseDimension(string name, ReadOnlySpan<byte> message)
    {
        var size = 0L;
        var dimension = new WireReader(message);
        while (!dimension.IsAtEnd)
        {
            var (number, value) = dimension.ReadField(out _);
            if (number == 1)
                size = (long)value;
        }

        return size >= 0 ? size : throw new InvalidDataException($"{name} has a dimension of {size}");
    }

    private static void CheckSize(string name, int type, IReadOnlyList<long> dimensions, long bytes, bool isSliced)
    {
        if (isSliced || TypeOf(type) is not { } elements)
            return;
        var needed = (Int128)ElementFile.BytesOf(elements);
        foreach (var dimension in dimensions)
        {
            needed *= dimension;
            if (needed > long.MaxValue)
                throw new InvalidDataException($"{name} is too large");
        }

        if (needed != bytes)
        {
            throw new InvalidDataException(
                $"{name} needs {needed} bytes for its shape and type, its entry says {bytes}");
        }
    }

    private static ElementType? TypeOf(int type) => type switch
    {
        1 => Models.ElementType.Single,
        14 => Models.ElementType.Brain,
        19 => Models.ElementType.Half,
        _ => null,
    };

    private static string TypeName(int type) => type switch
    {
        1 => "DT_FLOAT",
        2 => "DT_DOUBLE",
        3 => "DT_INT32",
        7 => "DT_STRING",
        9 => "DT_INT64",
        14 => "DT_BFLOAT16",
        19 => "DT_HALF",
        _ => $"DataType {type}",
    };
}

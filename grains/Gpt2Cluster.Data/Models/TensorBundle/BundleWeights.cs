using System.Collections.Concurrent;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Models.TensorBundle;

/// <summary>
/// A TensorFlow checkpoint of version 2, a tensor bundle
/// (https://github.com/tensorflow/tensorflow/tree/master/tensorflow/core/util/tensor_bundle): <c>PREFIX.index</c>, a
/// <see cref="SortedTable"/> of <see cref="BundleEntry"/> messages, and <c>PREFIX.data-00000-of-00001</c> with the
/// elements. The index is checked whole when it is opened; a tensor's checksum when any of it is first read. Reading
/// is safe from several threads.
/// </summary>
internal sealed class BundleWeights : IModelWeights
{
    /// <summary>How the name of an index ends.</summary>
    public const string IndexSuffix = ".index";

    private const string Remedy = "a TensorFlow checkpoint needs it";
    private const int MostShards = 10_000;
    private const int PieceBytes = 256 << 10;

    private readonly ElementFile[] shards;
    private readonly Dictionary<string, BundleEntry> byName;
    private readonly ConcurrentDictionary<string, bool> verified = new(StringComparer.Ordinal);

    private BundleWeights(string path, ElementFile[] shards, IReadOnlyList<BundleEntry> entries)
    {
        Path = path;
        this.shards = shards;
        Tensors = entries;
        byName = entries.ToDictionary(entry => entry.Name, StringComparer.Ordinal);
    }

    /// <summary>Its index.</summary>
    public string Path { get; }

    /// <summary>Its variables, in the order of their names.</summary>
    public IReadOnlyList<WeightTensor> Tensors { get; }

    /// <summary>Opens a checkpoint and checks its index.</summary>
    /// <param name="prefix">The path that all its files begin with.</param>
    /// <exception cref="UserErrorException">A file is missing or wrong; the message names it.</exception>
    public static BundleWeights Open(string prefix)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        var index = prefix + IndexSuffix;
        try
        {
            var (shardCount, entries) = ReadIndex(index);
            var opened = new List<ElementFile>();
            try
            {
                for (var shard = 0; shard < shardCount; shard++)
                    opened.Add(ElementFile.Open(ShardPath(prefix, shard, shardCount), Remedy));
                CheckPlaces(entries, opened);
                return new BundleWeights(index, [.. opened], entries);
            }
            catch
            {
                opened.ForEach(file => file.Dispose());
                throw;
            }
        }
        catch (InvalidDataException error)
        {
            throw new UserErrorException(
                $"{index} is no sound TensorFlow checkpoint: {error.Message}; fetch or save it again.", error);
        }
    }

    /// <inheritdoc/>
    public WeightTensor? Find(string name) => byName.GetValueOrDefault(name);

    /// <inheritdoc/>
    public void ReadRange(string name, long startElement, Span<float> into)
    {
        if (!byName.TryGetValue(name, out var entry) || !entry.IsReadable)
            throw new ArgumentException($"{Path} has no tensor {name} that can be read", nameof(name));
        if (startElement < 0 || startElement > entry.Length - into.Length)
            throw new ArgumentException(
                $"{into.Length} elements from {startElement} on leave {name}", nameof(startElement));
        if (!verified.ContainsKey(name))
            Verify(entry);
        var type = entry.ElementType!.Value;
        shards[entry.Shard].Read(type, entry.Offset + startElement * ElementFile.BytesOf(type), into);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var shard in shards)
            shard.Dispose();
    }

    private static (int Shards, List<BundleEntry> Entries) ReadIndex(string path)
    {
        using var file = ElementFile.Open(path, Remedy);
        if (file.Bytes > SortedTable.LongestBytes)
            throw new InvalidDataException($"it has {file.Bytes} bytes, more than {SortedTable.LongestBytes}");
        var bytes = new byte[file.Bytes];
        file.ReadExactly(bytes, 0);
        var table = SortedTable.Read(bytes);
        if (table.Count == 0 || table[0].Key.Length > 0)
            throw new InvalidDataException("its header is missing");
        return (ReadHeader(table[0].Value), [.. table.Skip(1).Select(row => BundleEntry.Parse(row.Key, row.Value))]);
    }

    // BundleHeaderProto: 1 is the count of shards, 2 the byte order.
    private static int ReadHeader(ReadOnlySpan<byte> message)
    {
        var shardCount = 0ul;
        var reader = new WireReader(message);
        while (!reader.IsAtEnd)
        {
            var (number, value) = reader.ReadField(out _);
            if (number == 1)
                shardCount = value;
            else if (number == 2 && value != 0)
                throw new InvalidDataException("its numbers are big-endian, which is not supported");
        }

        return shardCount is >= 1 and <= MostShards
            ? (int)shardCount
            : throw new InvalidDataException($"it claims {shardCount} files of data");
    }

    private static void CheckPlaces(List<BundleEntry> entries, List<ElementFile> shards)
    {
        foreach (var entry in entries)
        {
            if (entry.Shard >= shards.Count)
                throw new InvalidDataException($"{entry.Name} lies in file {entry.Shard} of {shards.Count}");
            if (entry.Offset > shards[entry.Shard].Bytes - entry.Bytes)
                throw new InvalidDataException($"{entry.Name} ends at byte {(Int128)entry.Offset + entry.Bytes}, its "
                    + $"file of data has {shards[entry.Shard].Bytes}");
        }
    }

    private void Verify(BundleEntry entry)
    {
        var crc = 0u;
        var piece = new byte[(int)Math.Min(PieceBytes, entry.Bytes)];
        for (var done = 0L; done < entry.Bytes;)
        {
            var part = piece.AsSpan(0, (int)Math.Min(piece.Length, entry.Bytes - done));
            shards[entry.Shard].ReadExactly(part, entry.Offset + done);
            crc = Crc32C.Append(crc, part);
            done += part.Length;
        }

        if (Crc32C.Mask(crc) != entry.Checksum)
        {
            throw new UserErrorException(
                $"The checksum of {entry.Name} in {shards[entry.Shard].Path} is wrong; fetch or save it again.");
        }

        verified[entry.Name] = true;
    }

    private static string ShardPath(string prefix, int shard, int count) => $"{prefix}.data-{shard:D5}-of-{count:D5}";
}

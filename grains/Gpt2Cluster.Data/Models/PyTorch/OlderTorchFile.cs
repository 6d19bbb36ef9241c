using System.Buffers.Binary;

namespace Gpt2Cluster.Data.Models.PyTorch;

/// <summary>
/// The form of <c>torch.save</c> before PyTorch 1.6, in which many models still lie on the hub: pickles of a magic
/// number, a protocol version, what the machine was like, the value and the keys of its storages; then for each key
/// eight bytes with a count of elements and the elements.
/// </summary>
internal static class OlderTorchFile
{
    private const int LongestPickleBytes = 1 << 20;
    private const long Protocol = 1001;

    // 0x1950a86a20f9469cfc6c, as a pickle: protocol 2, LONG1 of ten bytes, the end.
    private static readonly byte[] Magic =
        [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, (byte)'.'];

    /// <summary>The pickled value, and where each storage lies in the file, in bytes.</summary>
    /// <exception cref="InvalidDataException">It is no such file; the message says why.</exception>
    public static (object? Root, IReadOnlyDictionary<string, (long Start, long Bytes)> Places) Read(ElementFile file)
    {
        var head = new byte[(int)Math.Min(LongestPickleBytes, file.Bytes)];
        file.ReadExactly(head, 0);
        if (!head.AsSpan().StartsWith(Magic))
            throw new InvalidDataException("it is no file of torch.save");
        var position = Magic.Length;
        if (PickleReader.Read(head, ref position, Nothing) is not Protocol)
            throw new InvalidDataException("it is of an unknown version");
        CheckMachine(PickleReader.Read(head, ref position, Nothing));
        var storages = new Dictionary<string, PickledStorage>(StringComparer.Ordinal);
        var root = PickleReader.Read(head, ref position, identity => Remember(storages, identity));
        var keys = PickleReader.Read(head, ref position, Nothing) as List<object?>
            ?? throw new InvalidDataException("it has no list of storages");
        var places = new Dictionary<string, (long Start, long Bytes)>(StringComparer.Ordinal);
        var start = (long)position;
        Span<byte> count = stackalloc byte[sizeof(long)];
        foreach (var key in keys)
        {
            if (key is not string name || !storages.TryGetValue(name, out var storage))
                throw new InvalidDataException("it lists a storage that no tensor has");
            file.ReadExactly(count, start);
            if (BinaryPrimitives.ReadInt64LittleEndian(count) != storage.Length)
                throw new InvalidDataException($"the storage {name} has another length than its tensors say");
            start += sizeof(long);
            var bytes = (Int128)storage.Length * TensorGlobals.BytesOf(storage);
            if (bytes > file.Bytes - start || !places.TryAdd(name, (start, (long)bytes)))
                throw new InvalidDataException($"the storage {name} is cut short, or there twice");
            start += (long)bytes;
        }

        return (root, places);
    }

    private static void CheckMachine(object? described)
    {
        if (described is not PickledDictionary machine)
            throw new InvalidDataException("it does not say what machine it is from");
        if (machine.Pairs.Any(pair => pair is { Key: "little_endian", Value: false }))
            throw new InvalidDataException("its numbers are big-endian, which is not supported");
    }

    private static PickledStorage Remember(
        Dictionary<string, PickledStorage> storages, IReadOnlyList<object?> identity)
    {
        // The sixth part is a view of another storage, which no version since 0.4 has written.
        if (identity.Count > 5 && identity[5] is not null)
            throw new InvalidDataException("it has a view of a storage, which is not supported");
        var storage = TensorGlobals.Storage(identity);
        if (!storages.TryAdd(storage.Key, storage) && storages[storage.Key] != storage)
            throw new InvalidDataException($"the storage {storage.Key} is described in two ways");
        return storage;
    }

    private static object Nothing(IReadOnlyList<object?> identity) =>
        throw new InvalidDataException("it refers to something outside where it may not");
}

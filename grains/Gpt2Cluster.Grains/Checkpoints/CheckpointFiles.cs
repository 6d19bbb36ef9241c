using System.Globalization;
using System.Security.Cryptography;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Data.Models.HuggingFace;
using Gpt2Cluster.Data.Models.Safetensors;

namespace Gpt2Cluster.Grains.Checkpoints;

/// <summary>Takes elements of a checkpoint that were verified.</summary>
/// <param name="part">Which part of the state.</param>
/// <param name="layout">What the checkpoint holds, in its order.</param>
/// <param name="start">Index of the first element in that layout.</param>
/// <param name="values">The elements.</param>
public delegate void CheckpointSink(
    ReplicaPart part, ParameterLayout layout, long start, ReadOnlySpan<float> values);

/// <summary>
/// The files of one checkpoint: a safetensors file for each part of the replica, in the layout's order.
/// </summary>
internal static class CheckpointFiles
{
    private const int BufferBytes = 1 << 20;

    /// <summary>The file of a part.</summary>
    public static string NameOf(ReplicaPart part) => part switch
    {
        ReplicaPart.Parameters => "parameters.safetensors",
        ReplicaPart.FirstMoments => "first-moments.safetensors",
        ReplicaPart.SecondMoments => "second-moments.safetensors",
        _ => throw new ArgumentOutOfRangeException(nameof(part), part, "Unknown part."),
    };

    /// <summary>The name of a checkpoint's folder: its step in eight digits or more.</summary>
    public static string FolderName(long step) => step.ToString("D8", CultureInfo.InvariantCulture);

    /// <summary>Writes a part and hashes it on the way.</summary>
    /// <returns>The file, and the hashes of its pieces one behind the other.</returns>
    public static (CheckpointFile File, byte[] PieceHashes) Write(
        string folder, IReplicaSnapshot snapshot, ReplicaPart part, ParameterLayout layout)
    {
        var path = Path.Combine(folder, NameOf(part));
        var pieces = new byte[StateHash.PieceCount(layout.Length) * StateHash.PieceHashBytes];
        using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, BufferBytes);
        using var hash = SHA256.Create();
        using var both = new CryptoStream(file, hash, CryptoStreamMode.Write, leaveOpen: true);
        var writer = new SafetensorsWriter(
            both, layout.Slices.Select(slice => (ModelFolder.NamePrefix + slice.Name, slice.Dimensions)));
        for (var index = 0; index < StateHash.PieceCount(layout.Length); index++)
        {
            var start = (long)index * StateHash.PieceElements;
            var elements = snapshot.Read(part, start, StateHash.ElementsOfPiece(layout.Length, index));
            StateHash.HashPiece(elements, pieces.AsSpan(index * StateHash.PieceHashBytes, StateHash.PieceHashBytes));
            writer.Write(elements);
        }

        writer.Complete();
        both.FlushFinalBlock();
        file.Flush(flushToDisk: true);
        return (new CheckpointFile(NameOf(part), file.Length, Convert.ToHexStringLower(hash.Hash!)), pieces);
    }

    /// <summary>Opens a part to be read.</summary>
    /// <exception cref="UserErrorException">The file is missing or no sound safetensors file.</exception>
    public static ICheckpointPart Open(string folder, ReplicaPart part, ParameterLayout layout) =>
        new PartFile(SafetensorsFile.Open(Path.Combine(folder, NameOf(part))), layout);

    /// <summary>Zeros for a part that the optimizer does not have.</summary>
    public static string ZeroPieces(ParameterLayout layout) =>
        Convert.ToHexStringLower(StateHash.ZeroPieces(layout.Length));

    /// <summary>The tensors of a file as one flat part.</summary>
    private sealed class PartFile(SafetensorsFile file, ParameterLayout layout) : ICheckpointPart
    {
        public string Path => file.Path;

        public long Length => layout.Length;

        /// <summary>Reads a flat range, which may go over several tensors.</summary>
        public void Read(long start, Span<float> into)
        {
            foreach (var (slice, offset, first, count) in layout.Parts(start, into.Length))
                file.ReadRange(ModelFolder.NamePrefix + slice.Name, offset, into.Slice(first, count));
        }

        public void Dispose() => file.Dispose();
    }
}

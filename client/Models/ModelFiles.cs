using System.Buffers.Binary;
using System.Text;

namespace Gpt2Cluster.Client.Models;

/// <summary>
/// A model folder as one stream of bytes: for each file its name's length (int32 little endian), the name in UTF-8, its
/// length (int64 little endian) and its bytes.
/// </summary>
/// <param name="path">The folder.</param>
internal sealed class ModelFiles(string path)
{
    private const int PieceBytes = 1 << 18;

    private static readonly string[] Names = ["config.json", "vocab.json", "merges.txt", "model.safetensors"];

    /// <summary>The folder's own name.</summary>
    public string Name { get; } = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));

    /// <summary>Bytes of all files.</summary>
    public long Bytes => Present.Sum(file => file.Length);

    private IEnumerable<FileInfo> Present =>
        Names.Select(name => new FileInfo(Path.Combine(path, name))).Where(file => file.Exists);

    /// <summary>Writes the stream.</summary>
    public void Write(Stream output, IProgress<long> progress, CancellationToken cancellation)
    {
        var buffer = new byte[PieceBytes];
        var done = 0L;
        foreach (var file in Present)
        {
            WriteHeader(output, file);
            using var input = file.OpenRead();
            while (input.Read(buffer) is > 0 and var count)
            {
                cancellation.ThrowIfCancellationRequested();
                output.Write(buffer.AsSpan(0, count));
                progress.Report(done += count);
            }
        }
    }

    private static void WriteHeader(Stream output, FileInfo file)
    {
        Span<byte> number = stackalloc byte[sizeof(long)];
        var name = Encoding.UTF8.GetBytes(file.Name);
        BinaryPrimitives.WriteInt32LittleEndian(number, name.Length);
        output.Write(number[..sizeof(int)]);
        output.Write(name);
        BinaryPrimitives.WriteInt64LittleEndian(number, file.Length);
        output.Write(number);
    }
}

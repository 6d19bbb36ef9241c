using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using CsCheck;
using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Sources.Npz;

namespace Gpt2Cluster.Data.Tests.Sources.Npz;

public sealed class NpzFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("a-long")]
    [InlineData("separated")]
    public void Reads_what_numpy_wrote(string name)
    {
        var expected = Golden.Json("npz/expected.json").GetProperty(name).GetProperty("arr_0");
        using var file = NpzFile.Open(Golden.Path($"npz/{name}.npz"));
        var array = Assert.Single(file.Arrays);
        Assert.Equal("arr_0", array.Name);
        Assert.Equal(expected.GetProperty("length").GetInt64(), array.Length);
        Assert.Equal(
            expected.GetProperty("sha256_of_uint16_little_endian").GetString(), Golden.Hash(Tokens(file, array)));
    }

    [Fact]
    public void Reads_what_it_wrote() => Gen.Int[0, 50256].Array[0, 40].Array[1, 12].Sample(
        arrays =>
        {
            var path = folder.File("round.npz");
            using (var output = File.Create(path))
            using (var writer = new NpzWriter(output))
            {
                foreach (var array in arrays)
                {
                    writer.BeginArray(array.Length);
                    writer.Write([.. array.Select(token => (ushort)token)]);
                }

                writer.Complete();
            }

            using var file = NpzFile.Open(path);
            Assert.Equal(Enumerable.Range(0, arrays.Length).Select(i => $"arr_{i}"), file.Arrays.Select(a => a.Name));
            Assert.All(file.Arrays, array => Assert.Equal(arrays[IndexOf(file, array)], Tokens(file, array)));
        },
        iter: 50,
        threads: 1);

    [Theory]
    [InlineData("|u1", 1)]
    [InlineData("|i1", 1)]
    [InlineData("<u2", 2)]
    [InlineData("<i2", 2)]
    [InlineData("<u4", 4)]
    [InlineData("<i4", 4)]
    [InlineData("<u8", 8)]
    [InlineData("<i8", 8)]
    public void Reads_every_integer_type_deflated_or_stored(string type, int bytes)
    {
        int[] tokens = [0, 1, 100, 127];
        foreach (var compression in new[] { CompressionLevel.Optimal, CompressionLevel.NoCompression })
        {
            var data = new byte[tokens.Length * bytes];
            for (var i = 0; i < tokens.Length; i++)
                data[i * bytes] = (byte)tokens[i];
            var path = Write(("arr_0.npy", Npy(type, "(4,)", data)), compression);
            using var file = NpzFile.Open(path);
            Assert.Equal(tokens, Tokens(file, file.Arrays[0]));
        }
    }

    [Theory]
    [InlineData(50257, "holds 50257 at index 1")]
    [InlineData(-1, "holds -1 at index 1")]
    [InlineData(long.MinValue, "at index 1")]
    public void A_number_that_is_no_token_is_named(long number, string expected)
    {
        var data = new byte[16];
        BinaryPrimitives.WriteInt64LittleEndian(data.AsSpan(8), number);
        var message = FaultOf(Npy("<i8", "(2,)", data));
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.Contains("arr_0", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("<f4", "(2,)", 8, "type is <f4")]
    [InlineData(">i4", "(2,)", 8, "type is >i4")]
    [InlineData("<i4", "(2, 1)", 8, "one dimension")]
    [InlineData("<i4", "()", 4, "one dimension")]
    [InlineData("<i4", "(99999999999999999999,)", 4, "one dimension")]
    [InlineData("<i4", "(3,)", 8, "cut short")]
    [InlineData("<i4", "(1,)", 8, "longer than it says")]
    public void A_wrong_array_is_refused(string type, string shape, int bytes, string expected) =>
        Assert.Contains(expected, FaultOf(Npy(type, shape, new byte[bytes])), StringComparison.Ordinal);

    [Fact]
    public void A_file_that_is_no_zip_is_refused()
    {
        var path = folder.Write("not.npz", "hello");
        var error = Assert.Throws<UserErrorException>(() => NpzFile.Open(path));
        Assert.Contains("not an npz", error.Message, StringComparison.Ordinal);
        Assert.Throws<UserErrorException>(() => NpzFile.Open(folder.File("missing.npz")));
    }

    [Fact]
    public void Damaged_bytes_never_crash()
    {
        var sound = File.ReadAllBytes(Golden.Path("npz/separated.npz"));
        Gen.Select(Gen.Int[0, sound.Length - 1], Gen.Byte, Gen.Int[0, sound.Length]).Sample(
            (place, value, length) =>
            {
                var bytes = (byte[])sound.Clone();
                bytes[place] = value;
                var path = folder.Write("damaged.npz", bytes[..Math.Max(length, 1)]);
                try
                {
                    using var file = NpzFile.Open(path);
                    foreach (var array in file.Arrays)
                        _ = Tokens(file, array);
                }
                catch (UserErrorException)
                {
                    // The one expected outcome besides success.
                }
            },
            iter: 1_000,
            threads: 1);
    }

    private static int IndexOf(NpzFile file, NpzArray array) => file.Arrays.ToList().IndexOf(array);

    private static int[] Tokens(NpzFile file, NpzArray array) =>
        [.. file.ReadTokens(array).SelectMany(piece => piece.ToArray()).Select(token => (int)token)];

    private string FaultOf(byte[] npy)
    {
        var path = Write(("arr_0.npy", npy), CompressionLevel.Optimal);
        return Assert.Throws<UserErrorException>(() =>
        {
            using var file = NpzFile.Open(path);
            _ = Tokens(file, file.Arrays[0]);
        }).Message;
    }

    private string Write((string Name, byte[] Content) entry, CompressionLevel compression)
    {
        using var output = new MemoryStream();
        using (var archive = new ZipArchive(output, ZipArchiveMode.Create, leaveOpen: true))
        {
            using var stream = archive.CreateEntry(entry.Name, compression).Open();
            stream.Write(entry.Content);
        }

        return folder.Write("made.npz", output.ToArray());
    }

    private static byte[] Npy(string type, string shape, byte[] data)
    {
        var text = $"{{'descr': '{type}', 'fortran_order': False, 'shape': {shape}, }}\n";
        byte[] head = [0x93, .. "NUMPY"u8, 1, 0, (byte)text.Length, 0];
        return [.. head, .. Encoding.ASCII.GetBytes(text), .. data];
    }
}

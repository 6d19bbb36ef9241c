using CsCheck;
using Gpt2Cluster.Client.Upload;
using Gpt2Cluster.Contracts.Datasets;

namespace Gpt2Cluster.Client.Tests.Upload;

public sealed class PieceStreamTests
{
    [Fact]
    public void Pieces_in_order_are_what_was_written() =>
        Gen.Int[0, 700_000].Array[0, 8].Sample(lengths =>
        {
            var pieces = new List<Piece>();
            using var stream = new PieceStream(pieces.Add);
            var written = new List<byte>();
            foreach (var length in lengths)
            {
                var bytes = Enumerable.Range(0, length).Select(index => (byte)(index * 31)).ToArray();
                stream.Write(bytes);
                written.AddRange(bytes);
            }

            stream.Complete();
            Assert.All(pieces, (piece, index) => Assert.Equal(index, piece.Index));
            Assert.All(pieces.SkipLast(1), piece => Assert.Equal(Piece.MaximumBytes, piece.Bytes.Length));
            Assert.NotEmpty(pieces);
            return pieces.SelectMany(piece => piece.Bytes).SequenceEqual(written);
        }, iter: 20);
}

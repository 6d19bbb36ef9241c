using System.Text;
using CsCheck;
using Gpt2Cluster.Data.Sources;

namespace Gpt2Cluster.Data.Tests.Sources;

public sealed class LineEndsTests
{
    [Fact]
    public void Pieces_cut_anywhere_give_what_the_whole_text_gives()
    {
        Gen.Select(Choice.Of("\r", "\n", "\r\n", "a", "bc").Array[0, 10].Select(string.Concat), Gen.Int[1, 4]).Sample(
            (text, pieceLength) =>
            {
                var ends = new LineEnds();
                var made = new List<byte>();
                foreach (var piece in Encoding.UTF8.GetBytes(text).Chunk(pieceLength))
                    made.AddRange(ends.Normalize(piece));
                made.AddRange(ends.Finish());
                var expected = text.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
                Assert.Equal(expected, Encoding.UTF8.GetString([.. made]));
            },
            iter: 5_000,
            threads: 1);
    }
}

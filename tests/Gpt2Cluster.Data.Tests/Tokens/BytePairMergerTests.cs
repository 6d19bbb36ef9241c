using System.Text;
using CsCheck;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Tests.Tokens;

public sealed class BytePairMergerTests
{
    private static readonly Gen<byte[]> Pieces = Gen.OneOf(
        Gen.Byte.Array[1, 60],
        Gen.Char['a', 'h'].Array[1, 90].Select(letters => Encoding.ASCII.GetBytes(letters)),
        Choice.Of((byte)'e', (byte)'t').Array[1, 150],
        Choice.Of((byte)'=', (byte)'-').Array[1, 150]);

    private readonly Gpt2Vocabulary vocabulary = Gpt2Vocabulary.BuiltIn;
    private readonly PlainMerger plain = new(Gpt2Vocabulary.BuiltIn);

    [Fact]
    public void Equals_the_plain_method() => Pieces.Sample(
        piece =>
        {
            var tokens = new ushort[piece.Length];
            var count = new BytePairMerger(vocabulary.Merges).Encode(piece, tokens);
            return tokens[..count].Select(token => (int)token).SequenceEqual(plain.Encode(piece));
        },
        iter: 6_000);

    [Fact]
    public void The_heap_equals_the_plain_method() => Pieces.Sample(
        piece =>
        {
            var tokens = new ushort[piece.Length];
            var count = LongMerge.Encode(vocabulary.Merges, piece, tokens);
            return tokens[..count].Select(token => (int)token).SequenceEqual(plain.Encode(piece));
        },
        iter: 6_000);

    [Fact]
    public void Every_token_is_made_of_its_own_bytes()
    {
        var merger = new BytePairMerger(vocabulary.Merges);
        for (var id = 0; id < 50256; id++)
        {
            var piece = vocabulary.BytesOf(id);
            var tokens = new ushort[piece.Length];
            Assert.Equal(1, merger.Encode(piece, tokens));
            Assert.Equal(id, tokens[0]);
        }
    }
}

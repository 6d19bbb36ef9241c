using System.Buffers.Binary;
using System.Security.Cryptography;
using Gpt2Cluster.Core.Checkpoints;

namespace Gpt2Cluster.Core.Tests.Checkpoints;

public sealed class StateHashTests
{
    [Fact]
    public void A_small_state_hashes_as_written_down()
    {
        float[] parameters = [1f, -2f];
        float[] moments = [0f, 0f];
        var expected = new List<byte>(new byte[8]);
        BinaryPrimitives.WriteInt64LittleEndian(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(expected), 7);
        expected.AddRange(SHA256.HashData(Convert.FromHexString("0000803f000000c0")));
        expected.AddRange(SHA256.HashData(new byte[8]));
        expected.AddRange(SHA256.HashData(new byte[8]));

        var hash = StateHash.Combine(7, Pieces(parameters), Pieces(moments), StateHash.ZeroPieces(2));

        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(expected.ToArray())), hash);
    }

    /// <summary>
    /// Two elements a part, step 3, computed outside of .NET with <c>printf</c> and <c>sha256sum</c>: parameters 1.0,
    /// -2.0, first moments 0.5, 0.0, second moments zero.
    /// </summary>
    [Fact]
    public void A_state_of_six_numbers_has_the_hash_that_was_computed_by_hand() => Assert.Equal(
        "62d17c573e5f3db5f7d0a8c4448bb8ca27fec451504ec4d73041b22b15556c6a",
        StateHash.Combine(3, Pieces([1f, -2f]), Pieces([0.5f, 0f]), Pieces([0f, 0f])));

    [Fact]
    public void The_step_and_every_part_count()
    {
        var pieces = Pieces([1f, 2f, 3f]);
        var zeros = StateHash.ZeroPieces(3);
        string[] hashes =
        [
            StateHash.Combine(1, pieces, zeros, zeros),
            StateHash.Combine(2, pieces, zeros, zeros),
            StateHash.Combine(1, zeros, pieces, zeros),
            StateHash.Combine(1, zeros, zeros, pieces),
        ];
        Assert.Equal(hashes.Length, hashes.Distinct().Count());
    }

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(StateHash.PieceElements, 1, StateHash.PieceElements)]
    [InlineData(StateHash.PieceElements + 1, 2, 1)]
    public void The_last_piece_may_be_shorter(long elements, int pieces, int lastElements)
    {
        Assert.Equal(pieces, StateHash.PieceCount(elements));
        Assert.Equal(lastElements, StateHash.ElementsOfPiece(elements, pieces - 1));
    }

    private static byte[] Pieces(float[] elements)
    {
        var hash = new byte[StateHash.PieceHashBytes];
        StateHash.HashPiece(elements, hash);
        return hash;
    }
}

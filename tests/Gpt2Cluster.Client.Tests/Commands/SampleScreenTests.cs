using CsCheck;
using Gpt2Cluster.Client.Commands;

namespace Gpt2Cluster.Client.Tests.Commands;

public sealed class SampleScreenTests
{
    [Fact]
    public void One_text_is_shown_as_it_comes()
    {
        using var said = new Said();
        var screen = new SampleScreen(said.Output, "The", 1);
        Assert.Equal("", said.Results);
        screen.Piece(1, " sea");
        Assert.Equal("The sea", said.Results);
        screen.Piece(1, ", the sea");
        screen.Over(1);
        Assert.Equal("The sea, the sea\n", said.Results.ReplaceLineEndings("\n"));
    }

    [Fact]
    public void A_text_of_nothing_shows_its_prompt()
    {
        using var said = new Said();
        new SampleScreen(said.Output, "The", 1).Over(1);
        Assert.Equal("The\n", said.Results.ReplaceLineEndings("\n"));
    }

    [Fact]
    public void Several_that_come_in_any_order_stand_in_theirs() =>
        Gen.Int[1, 3].Array[0, 30].Sample(turns =>
        {
            using var said = new Said();
            var screen = new SampleScreen(said.Output, ">", 3);
            var whole = new[] { "", "", "" };
            foreach (var (index, number) in turns.Index())
            {
                screen.Piece(number, $"{index} ");
                whole[number - 1] += $"{index} ";
            }

            foreach (var number in turns.Reverse().Concat([2, 3, 1]).Distinct())
                screen.Over(number);
            var expected = whole.Select((text, index) => $"======== SAMPLE {index + 1} ========\n>{text}\n");
            Assert.Equal(string.Concat(expected), said.Results.ReplaceLineEndings("\n"));
        });
}

using Gpt2Cluster.Client.Output;
using Spectre.Console;

namespace Gpt2Cluster.Client.Tests.Output;

public sealed class ScreenTextTests
{
    [Theory]
    [InlineData("the sea", 7, "the sea")]
    [InlineData("the sea", 6, "the s…")]
    [InlineData("the sea", 1, "…")]
    [InlineData("灯台守の本", 6, "灯台…")]
    [InlineData("a\u001b[31mb\tc", 20, "a [31mb c")]
    public void A_line_fits_and_holds_nothing_that_a_terminal_obeys(string line, int width, string expected) =>
        Assert.Equal(expected, ScreenText.Fit(line, width));

    [Fact]
    public void A_text_is_broken_at_blanks_and_a_word_that_is_too_long_is_cut()
    {
        var lines = ScreenText.Wrap("the lamp burns\nlow lighthousekeeper\n\nend", 9).ToList();
        Assert.Equal(["the lamp", "burns", "low", "lighthou…", "", "end"], lines);
        Assert.All(lines, line => Assert.InRange(line.GetCellWidth(), 0, 9));
    }
}

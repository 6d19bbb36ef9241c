using CsCheck;
using Gpt2Cluster.Core.Windows;

namespace Gpt2Cluster.Core.Tests.Windows;

public sealed class WindowLayoutTests
{
    [Fact]
    public void The_last_window_is_moved_left()
    {
        var layout = new WindowLayout(10, 4);
        Assert.Equal(3, layout.WindowCount);
        Assert.Equal([0L, 4L, 5L], new[] { 0, 1, 2 }.Select(window => layout.Start(window)));
        Assert.Equal([0, 0, 3], new[] { 0, 1, 2 }.Select(window => layout.FirstTarget(window)));
    }

    [Fact]
    public void A_corpus_of_exactly_one_window_has_one_window()
    {
        var layout = new WindowLayout(129, 128);
        Assert.Equal((1L, 128, 0L), (layout.WindowCount, layout.SequenceLength, layout.Start(0)));
    }

    [Fact]
    public void A_short_corpus_lowers_T()
    {
        var layout = new WindowLayout(7, 128);
        Assert.Equal((1L, 6, 0L), (layout.WindowCount, layout.SequenceLength, layout.Start(0)));
    }

    [Theory]
    [InlineData(0, "no tokens")]
    [InlineData(1, "only 1 token")]
    public void Fewer_than_two_tokens_are_bad_input(long tokens, string message) =>
        Assert.Contains(message, Assert.Throws<UserErrorException>(() => new WindowLayout(tokens, 4)).Message);

    [Fact]
    public void A_window_outside_is_refused()
    {
        var layout = new WindowLayout(10, 4);
        Assert.Throws<ArgumentOutOfRangeException>(() => layout.Start(3));
        Assert.Throws<ArgumentOutOfRangeException>(() => layout.Start(-1));
    }

    [Fact]
    public void Every_token_but_the_first_is_a_target_exactly_once() =>
        Gen.Select(Gen.Int[2, 500], Gen.Int[1, 60]).Sample((tokens, length) =>
        {
            var layout = new WindowLayout(tokens, length);
            var targets = new List<long>();
            for (var window = 0L; window < layout.WindowCount; window++)
            {
                var start = layout.Start(window);
                Assert.True(start + layout.SequenceLength < tokens);
                for (var target = layout.FirstTarget(window); target < layout.SequenceLength; target++)
                    targets.Add(start + 1 + target);
            }

            Assert.Equal(Enumerable.Range(1, tokens - 1).Select(token => (long)token), targets);
            Assert.Equal(layout.TargetCount, targets.Count);
        });
}

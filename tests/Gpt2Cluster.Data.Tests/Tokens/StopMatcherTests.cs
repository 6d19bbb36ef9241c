using CsCheck;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Tests.Tokens;

public sealed class StopMatcherTests
{
    private static readonly Gen<string> Words = Gen.Char["abé"].Array[1, 4].Select(letters => new string(letters));

    [Fact]
    public void However_a_text_is_cut_what_precedes_the_first_stop_is_passed_on() =>
        Gen.Select(Gen.Char["abcé"].Array[0, 40], Words.Array[0, 3], Gen.Int[1, 5].Array[1, 10])
            .Sample((letters, stops, cuts) =>
            {
                var text = new string(letters);
                var matcher = new StopMatcher(stops);
                var shown = "";
                for (int at = 0, cut = 0; at < text.Length; cut++)
                {
                    var piece = text[at..Math.Min(text.Length, at + cuts[cut % cuts.Length])];
                    shown += matcher.Add(piece);
                    at += piece.Length;
                }

                shown += matcher.Finish();
                var expected = Twin(text, stops);
                Assert.Equal(expected ?? text, shown);
                Assert.Equal(expected is not null, matcher.IsFound);
            });

    [Fact]
    public void Nothing_of_a_stop_is_passed_on_while_it_comes_and_all_of_what_was_none()
    {
        var matcher = new StopMatcher(["\nUser:"]);
        Assert.Equal("Hello", matcher.Add("Hello\n"));
        Assert.Equal("", matcher.Add("Us"));
        Assert.Equal("\nUsual", matcher.Add("ual"));
        Assert.Equal(" it", matcher.Add(" it\nUser"));
        Assert.Equal("", matcher.Add(": what"));
        Assert.True(matcher.IsFound);
        Assert.Equal(("", ""), (matcher.Add("more"), matcher.Finish()));
    }

    [Fact]
    public void An_empty_stop_is_refused() => Assert.Throws<ArgumentException>(() => new StopMatcher([""]));

    /// <summary>The text before the stop that is complete first, the longest of them; null without one.</summary>
    private static string? Twin(string text, string[] stops)
    {
        for (var end = 1; end <= text.Length; end++)
        {
            var found = stops.Where(stop => text[..end].EndsWith(stop, StringComparison.Ordinal)).ToList();
            if (found.Count > 0)
                return text[..(end - found.Max(stop => stop.Length))];
        }

        return null;
    }
}

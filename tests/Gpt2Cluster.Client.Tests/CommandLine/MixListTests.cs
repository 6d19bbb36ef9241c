using CsCheck;
using Gpt2Cluster.Client.CommandLine;

namespace Gpt2Cluster.Client.Tests.CommandLine;

public sealed class MixListTests
{
    /// <summary>What a path may be made of here, signs that separate included.</summary>
    private static readonly Gen<string> Paths = Gen.Char["ab=,\"/. -"].Array[1, 12].Select(signs => new string(signs))
        .Where(path => !path.Contains("\"=", StringComparison.Ordinal));

    [Theory]
    [InlineData("A=3,B=1", "A", "3", "B", "1")]
    [InlineData("A=0.75,B=.25", "A", "0.75", "B", "0.25")]
    [InlineData("A=1e2", "A", "100")]
    [InlineData("a=b.txt=3,C=1", "a=b.txt", "3", "C", "1")]
    [InlineData("a,b.txt=3,C=1", "a,b.txt", "3", "C", "1")]
    [InlineData("\"a=b,c.txt\"=3,C=1", "a=b,c.txt", "3", "C", "1")]
    [InlineData("-=2,my texts/*.txt=1", "-", "2", "my texts/*.txt", "1")]
    public void A_list_is_taken_apart(string list, params string[] expected)
    {
        var parts = new List<MixedPath>();
        Assert.Null(MixList.Read(list, parts));
        Assert.Equal(
            expected.Chunk(2).Select(pair => new MixedPath(
                pair[0], decimal.Parse(pair[1], System.Globalization.CultureInfo.InvariantCulture))),
            parts);
    }

    [Theory]
    [InlineData("A", "'A' gives no number")]
    [InlineData("A=3,B", "'B' gives no number")]
    [InlineData("A=3,", "'' gives no number")]
    [InlineData("", "'' gives no number")]
    [InlineData("\"A", "'\"A' gives no number")]
    [InlineData("=3", "'=3' names no path")]
    [InlineData("A=0", "not '0' for A")]
    [InlineData("A=-1,B=1", "not '-1' for A")]
    [InlineData("A=1,B=NaN", "not 'NaN' for B")]
    [InlineData("A=Infinity", "not 'Infinity' for A")]
    [InlineData("A=1e99", "not '1e99' for A")]
    [InlineData("A=", "not '' for A")]
    [InlineData("A=three", "not 'three' for A")]
    public void What_is_no_list_is_said(string list, string part)
    {
        var problem = MixList.Read(list, []);
        Assert.NotNull(problem);
        Assert.StartsWith("--mix takes ", problem, StringComparison.Ordinal);
        Assert.Contains(part, problem, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_written_is_read() =>
        Gen.Select(Paths, Gen.Long[1, 999]).Array[1, 4].Sample(named =>
        {
            var parts = new List<MixedPath>();
            var words = named.Select(one => MixList.Write(one.Item1, one.Item2));
            Assert.Null(MixList.Read(string.Join(',', words), parts));
            Assert.Equal(named.Select(one => new MixedPath(one.Item1, one.Item2)), parts);
        });
}

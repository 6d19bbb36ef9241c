using Gpt2Cluster.Data.Sources;

namespace Gpt2Cluster.Data.Tests.Sources;

public sealed class DocumentFormatsTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("a.jsonl", "JSON lines")]
    [InlineData("a.NDJSON", "JSON lines")]
    [InlineData("a.json", "JSON")]
    [InlineData("A.CSV", "CSV")]
    [InlineData("a.tsv", "CSV")]
    [InlineData("a.docx", "Word")]
    [InlineData("a.pdf", "PDF")]
    [InlineData("a.epub", "EPUB")]
    [InlineData("a.HTM", "HTML")]
    [InlineData("a.parquet", "Parquet")]
    [InlineData("a.npz", "npz")]
    [InlineData("a.txt", "text")]
    [InlineData("a.md", "text")]
    [InlineData("README", "text")]
    public void The_ending_tells_the_kind(string name, string kind)
    {
        folder.Write(name, "PK\u0003\u0004 or anything else");
        Assert.Equal(kind, DocumentFormats.Of(folder.File(name)).Name);
    }

    [Fact]
    public void An_ending_belongs_to_one_kind_and_is_written_in_small_letters()
    {
        var endings = DocumentFormats.All.SelectMany(format => format.Endings).ToList();
        Assert.Equal(endings.Distinct(), endings);
        Assert.All(endings, ending => Assert.Matches(@"\A\.[a-z0-9]+\z", ending));
    }

    [Theory]
    [InlineData("tokens.bin")]
    [InlineData("tokens")]
    public void Arrays_of_tokens_under_another_name_are_told_by_how_they_begin(string name)
    {
        File.Copy(Golden.Path("npz/separated.npz"), folder.File(name));
        Assert.Equal("npz", DocumentFormats.Of(folder.File(name)).Name);
    }

    [Fact]
    public void A_known_ending_counts_more_than_how_a_file_begins()
    {
        File.Copy(Golden.Path("npz/separated.npz"), folder.File("a.txt"));
        Assert.Equal("text", DocumentFormats.Of(folder.File("a.txt")).Name);
    }

    [Fact]
    public void A_start_cut_anywhere_is_no_array()
    {
        var start = File.ReadAllBytes(Golden.Path("npz/separated.npz"))[..DocumentFormats.StartBytes];
        var npz = DocumentFormats.All.Single(format => format.Name == "npz");
        Assert.True(npz.IsBegunBy(start));
        for (var length = 0; length < 30; length++)
            Assert.False(npz.IsBegunBy(start.AsSpan(0, length)));
    }
}

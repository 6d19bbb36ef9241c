using System.Text;
using Gpt2Cluster.Data.Datasets;
using Gpt2Cluster.Data.Inspection;
using Gpt2Cluster.Data.Sources;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Tests.Inspection;

[Collection(MeasuredMemory.Name)]
public sealed class CorpusInspectionTests : IDisposable
{
    // Of tokens, tables and pieces that are held while 40 MB of text pass, of which the tokens alone take 20 MB.
    private const long MostMemoryBytes = 48 << 20;

    private static readonly string[] Lines =
        File.ReadAllLines(Golden.Path("tinyshakespeare.txt")).Where(line => line.Length > 30).ToArray();

    private readonly TemporaryFolder folder = new();
    private readonly Gpt2Tokenizer tokenizer = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Counts_what_is_there()
    {
        var whole = Poem(0, 40);
        Write("a.txt", whole);
        Write("b.txt", $"The sea.\n\n<|endoftext|>\n\n{Poem(40, 20)}");
        Write("c.jsonl", "{\"text\": \"海の上\"}\n{\"text\": \"Один 😀\"}\n");
        Write("empty.txt", "");
        var facts = Inspect(folder.Path, out var repeats);

        string[] texts = [whole, "The sea.\n", Poem(40, 20), "海の上", "Один 😀"];
        var tokens = texts.Select(tokenizer.Encode).ToList();
        Assert.Equal(texts.Length, facts.Tokens.DocumentCount);
        Assert.Equal(tokens.Sum(text => text.Count) + texts.Length - 1, facts.Tokens.TokenCount);
        Assert.Equal(texts.Sum(Encoding.UTF8.GetByteCount), facts.TextBytes);
        var lone = tokens.SelectMany(text => text).Count(
            token => tokenizer.Vocabulary.BytesOf(token) is [>= 0x80]);
        Assert.True(lone > 0);
        Assert.Equal(lone, facts.LoneByteCount);
        Assert.Equal(new DocumentLength(tokens[0].Count, Place("a.txt")), facts.Longest);
        Assert.Equal(new DocumentLength(tokens[1].Count, Place("b.txt")), facts.Shortest);
        Assert.Equal(0, repeats.DuplicateDocumentCount + repeats.PassageCount);
        Assert.Null(repeats.Overlap);
    }

    [Fact]
    public void Documents_that_no_token_parts_keep_their_files_and_lengths()
    {
        Write("a.txt", Poem(0, 60));
        Write("b.txt", Poem(60, 5));
        Write("c.txt", $"{Poem(100, 20)}{Poem(10, 30)}");
        var plain = new Gpt2Tokenizer(Vocabularies.Of([]));
        Assert.Null(plain.Vocabulary.EndOfText);
        using var source = DatasetSource.Open(folder.Path);
        using var inspection = new CorpusInspection(tokenizer: plain);
        var facts = inspection.Read(source);
        Assert.Equal(new DocumentLength(Encoding.UTF8.GetByteCount(Poem(0, 60)), Place("a.txt")), facts.Longest);
        Assert.Equal(new DocumentLength(Encoding.UTF8.GetByteCount(Poem(60, 5)), Place("b.txt")), facts.Shortest);
        var repeats = inspection.FindRepeats(facts.Tokens.TokenCount);
        var passage = Assert.Single(repeats.LongestPassages);
        Assert.Equal((Place("c.txt"), Place("a.txt")), (passage.File, passage.FirstFile));
    }

    [Fact]
    public void Says_which_files_repeat_which()
    {
        Write("a.txt", Poem(0, 60));
        Write("b.txt", $"{Poem(100, 20)}{Poem(10, 30)}{Poem(120, 20)}");
        Write("c.txt", Poem(0, 60));
        Inspect(folder.Path, out var repeats);
        Assert.True(repeats.DuplicatesAreExact);
        Assert.Equal(
            new RepeatedFile(Place("c.txt"), Place("a.txt"), 1, tokenizer.Encode(Poem(0, 60)).Count),
            Assert.Single(repeats.DuplicateFiles));
        Assert.Equal(99, repeats.CertainTokens);
        var passage = Assert.Single(repeats.LongestPassages);
        Assert.Equal((Place("b.txt"), Place("a.txt")), (passage.File, passage.FirstFile));
        // The end of the line before is the same in both.
        Assert.Equal(tokenizer.Encode(Poem(10, 30)).Count + 1, passage.TokenCount);
        Assert.StartsWith(passage.Text, "\n" + Poem(10, 30), StringComparison.Ordinal);
        Assert.Equal(
            new RepeatedFile(Place("b.txt"), Place("a.txt"), 1, passage.TokenCount),
            Assert.Single(repeats.PassageFiles));
    }

    [Fact]
    public void Tokens_of_an_npz_tell_the_same_as_their_text()
    {
        Write("one.txt", $"{Poem(0, 60)}<|endoftext|>\n{Poem(200, 5)}<|endoftext|>\n{Poem(0, 60)}");
        var expected = Inspect(Place("one.txt"), out var expectedRepeats);
        using (var source = DatasetSource.Open(Place("one.txt")))
            NpzEncoder.Encode(source, Place("one.npz"), new DatasetOptions());
        var facts = Inspect(Place("one.npz"), out var repeats);
        Assert.Equal(
            expected with { Tokens = facts.Tokens },
            facts with
            {
                Longest = facts.Longest with { Name = Place("one.txt") },
                Shortest = facts.Shortest with { Name = Place("one.txt") },
            });
        Assert.Equal(expected.Tokens.Sha256, facts.Tokens.Sha256);
        Assert.Equal(expectedRepeats.DuplicateTokenCount, repeats.DuplicateTokenCount);
        Assert.Equal(1, repeats.DuplicateDocumentCount);
    }

    [Fact]
    public void Texts_that_validate_and_are_trained_on_are_found_in_the_corpus_and_beside_it()
    {
        Write("a.txt", Poem(0, 200));
        Write("b.txt", Poem(20, 40));
        var passage = tokenizer.Encode(Poem(20, 40)).Count;
        var first = tokenizer.Encode(Poem(0, 200)).Count;
        Inspect(folder.Path, out var cut, trainingTokens: first + 1);
        Assert.Equal(passage, cut.Overlap!.TokenCount);
        Assert.Equal(passage, cut.Overlap.ValidationTokenCount);
        Assert.Equal(1, cut.Overlap.Share);
        Assert.Equal(passage, cut.PassageTokenCount);

        using var inspection = new CorpusInspection();
        using var corpus = DatasetSource.Open(Place("a.txt"));
        using var validation = DatasetSource.Open(folder.Path);
        inspection.Read(corpus);
        inspection.ReadValidation(validation);
        var beside = inspection.FindRepeats(first);
        // Both of its texts, of which one is the corpus itself; what is in the corpus alone comes but once.
        Assert.Equal(first + passage, beside.Overlap!.TokenCount);
        Assert.Equal(1, beside.Overlap.DocumentCount);
        Assert.Equal(0, beside.DuplicateDocumentCount + beside.PassageCount);
    }

    [Fact]
    public void A_large_corpus_passes_in_bounded_memory()
    {
        // Verses of random lines: some come again by chance, and every tenth file is one from before.
        var random = new Random(2);
        for (var file = 0; file < 40; file++)
        {
            Write($"{file:D2}.txt", string.Concat(Enumerable.Range(0, 25_000)
                .Select(_ => $"{Lines[random.Next(Lines.Length)]} {random.Next(1_000_000)}\n")));
        }

        File.Copy(Place("07.txt"), Place("41.txt"));
        using var source = DatasetSource.Open(folder.Path);
        using var inspection = new CorpusInspection(new InspectionOptions { MemoryTokens = 0, MostPlaces = 1 << 20 });
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var facts = inspection.Read(source);
        var reported = 0L;
        var repeats = inspection.FindRepeats(facts.Tokens.TokenCount, new Watch(done => reported = done));
        var held = GC.GetTotalMemory(forceFullCollection: true) - before;
        Assert.True(source.Bytes > 40 << 20);
        Assert.Equal(inspection.WorkTokens, reported);
        Assert.Equal(1, repeats.DuplicateDocumentCount);
        Assert.NotNull(repeats.CertainTokens);
        Assert.True(held < MostMemoryBytes, $"{held} bytes were held");
    }

    [Fact]
    public void What_could_not_be_kept_leaves_lower_bounds_and_exact_counts()
    {
        Write("a.txt", Poem(0, 60));
        Write("b.txt", string.Concat(Enumerable.Range(0, 1_500_000).Select(number => $" {number % 10}")));
        Write("c.txt", Poem(0, 60));
        using var source = DatasetSource.Open(folder.Path);
        using var inspection = new CorpusInspection(new InspectionOptions
        {
            MemoryTokens = 0,
            Folder = "/dev/null/nowhere",
        });
        var facts = inspection.Read(source);
        var repeats = inspection.FindRepeats(facts.Tokens.TokenCount);
        Assert.Equal(3, facts.Tokens.DocumentCount);
        Assert.NotNull(repeats.Fault);
        Assert.False(repeats.DuplicatesAreExact);
        Assert.Null(repeats.CertainTokens);
    }

    private static string Poem(int first, int count) =>
        string.Concat(Lines.Skip(first).Take(count).Select(line => line + "\n"));

    private string Place(string name) => folder.File(name);

    private void Write(string name, string text) => folder.Write(name, text);

    private static CorpusStatistics Inspect(string path, out RepeatReport repeats, long? trainingTokens = null)
    {
        using var source = DatasetSource.Open(path);
        using var inspection = new CorpusInspection();
        var facts = inspection.Read(source);
        repeats = inspection.FindRepeats(trainingTokens ?? facts.Tokens.TokenCount);
        return facts;
    }

    /// <summary>Hears on the thread that reports.</summary>
    private sealed class Watch(Action<long> report) : IProgress<long>
    {
        public void Report(long value) => report(value);
    }
}

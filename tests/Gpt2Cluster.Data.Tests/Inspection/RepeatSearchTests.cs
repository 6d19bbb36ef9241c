using CsCheck;
using Gpt2Cluster.Data.Inspection;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Tests.Inspection;

/// <summary>The search beside a dumb twin that compares everything with everything.</summary>
public sealed class RepeatSearchTests
{
    private const int Gram = 3;
    private const int Window = 3;

    private static readonly ushort End = (ushort)Gpt2Vocabulary.BuiltIn.EndOfText!;

    private static readonly Gpt2Tokenizer Tokenizer = new();

    private static readonly InspectionOptions Small = new()
    {
        GramTokens = Gram,
        LeastWindow = Window,
        MostPlaces = 1 << 12,
    };

    // Few different tokens, so that much comes again; documents begin with parts of others.
    private static readonly Gen<ushort[][]> Corpora =
        Gen.Int[0, 3].Select(token => (ushort)token).Array[1, 24].Array[1, 6].Select(
            Gen.Int[0, 5].Array[0, 6],
            (documents, copied) => (ushort[][])[.. documents, .. copied.Select(index => Part(documents, index))]);

    [Fact]
    public void Duplicates_are_those_of_the_twin() => Corpora.Sample(
        documents =>
        {
            using var corpus = new Searched(documents, training: 1);
            var copies = Enumerable.Range(0, documents.Length).Where(corpus.IsCopy).ToList();
            Assert.True(corpus.Report.DuplicatesAreExact);
            Assert.Equal(copies.Count, corpus.Report.DuplicateDocumentCount);
            Assert.Equal(copies.Sum(index => documents[index].Length), corpus.Report.DuplicateTokenCount);
            Assert.Equal(
                corpus.Report.DuplicateTokenCount, corpus.Report.DuplicateFiles.Sum(file => file.TokenCount));
        },
        iter: 2_000,
        threads: 1);

    [Fact]
    public void What_is_counted_stands_further_ahead_and_is_counted_once() => Corpora.Sample(
        documents =>
        {
            using var corpus = new Searched(documents, training: 1);
            var behind = 0L;
            foreach (var found in corpus.Found)
            {
                Assert.InRange(found.Start, behind, found.End - 1);
                Assert.InRange(found.First, 0, found.Start - 1);
                Assert.True(corpus.MatchAround(found) >= Gram);
                Assert.All(corpus.Tokens[(int)found.Start..(int)found.End], token => Assert.NotEqual(End, token));
                behind = found.End;
            }

            Assert.Equal(corpus.Found.Count, corpus.Report.PassageCount);
            Assert.Equal(corpus.Found.Sum(found => found.Length), corpus.Report.PassageTokenCount);
            Assert.Equal(
                corpus.Found.Select(found => found.Length).OrderDescending().Take(Small.ListLength),
                corpus.Report.LongestPassages.Select(passage => passage.TokenCount));
        },
        iter: 2_000,
        threads: 1);

    [Fact]
    public void No_passage_that_is_certain_to_be_found_escapes() => Corpora.Sample(
        documents =>
        {
            using var corpus = new Searched(documents, training: 1);
            var certain = Assert.NotNull(corpus.Report.CertainTokens);
            Assert.Equal(Gram + Window - 1, certain);
            var isCounted = new bool[corpus.Tokens.Length];
            foreach (var found in corpus.Found)
                isCounted.AsSpan((int)found.Start, (int)found.Length).Fill(true);
            foreach (var start in corpus.RepeatedPassages(certain))
            {
                var isFound = Enumerable.Range(start, Window)
                    .Any(gram => isCounted.AsSpan(gram, Gram).IndexOf(false) < 0);
                Assert.True(isFound, $"the passage at {start} escaped");
            }
        },
        iter: 2_000,
        threads: 1);

    [Fact]
    public void What_validates_and_was_trained_on_is_what_a_count_token_by_token_says() =>
        Gen.Select(Corpora, Gen.Double[0.1, 1], Gen.Bool).Sample(
            (documents, share, isSeparate) =>
            {
                using var corpus = new Searched(documents, share, isSeparate);
                var cut = corpus.Parts.TrainingEnd;
                var shared = corpus.Copies().Concat(corpus.Found)
                    .Sum(found => Enumerable.Range(0, (int)found.Length).Count(
                        index => found.Start + index >= cut && found.First + index < cut));
                Assert.Equal(
                    corpus.Parts.ValidationTokenCount == 0 ? null : shared, corpus.Report.Overlap?.TokenCount);
                var whole = corpus.Copies().Count(copy => copy.Start >= cut && copy.First + copy.Length <= cut);
                Assert.Equal(
                    corpus.Parts.ValidationTokenCount == 0 ? null : whole, corpus.Report.Overlap?.DocumentCount);
            },
            iter: 2_000,
            threads: 1);

    [Fact]
    public void A_full_table_leaves_lower_bounds()
    {
        var random = new Random(5);
        var documents = Enumerable.Range(0, 3_000)
            .Select(_ => Enumerable.Range(0, 8).Select(_ => (ushort)random.Next(50_000)).ToArray()).ToList();
        using var corpus = new Searched([.. documents, .. documents], training: 1, options: Small with
        {
            MostPlaces = 1 << 10,
        });
        Assert.False(corpus.Report.DuplicatesAreExact);
        Assert.InRange(corpus.Report.DuplicateDocumentCount, 1, documents.Count - 1);
    }

    [Fact]
    public void The_window_grows_with_the_corpus_so_that_the_table_holds_its_fingerprints()
    {
        var random = new Random(6);
        var document = Enumerable.Range(0, 40_000).Select(_ => (ushort)random.Next(50_000)).ToArray();
        var passage = document[500..700];
        using var corpus = new Searched([document, passage], training: 1, options: Small with
        {
            MostPlaces = 1 << 10,
        });
        var certain = Assert.NotNull(corpus.Report.CertainTokens);
        Assert.InRange(certain, Gram + Window, passage.Length);
        var found = Assert.Single(corpus.Report.LongestPassages);
        Assert.Equal(passage.Length, found.TokenCount);
        Assert.Equal(("1", "0"), (found.File, found.FirstFile));
    }

    private static ushort[] Part(ushort[][] documents, int index)
    {
        var document = documents[index % documents.Length];
        return index % 2 == 0 ? document : [.. document[(document.Length / 3)..], 1, 2];
    }

    /// <summary>A corpus that was looked through, each document a file named by its number.</summary>
    private sealed class Searched : IDisposable
    {
        private readonly ushort[][] documents;
        private readonly List<int> starts = [];
        private readonly TokenStore store = new(memoryTokens: 0, End, Path.GetTempPath());

        public Searched(
            ushort[][] documents, double training, bool isSeparate = false, InspectionOptions? options = null)
        {
            this.documents = documents;
            var files = new FileSpans();
            for (var index = 0; index < documents.Length; index++)
            {
                if (index > 0)
                    store.Append([End]);
                starts.Add((int)store.Count);
                files.Add($"{index}", store.Count);
                store.Append(documents[index]);
            }

            Tokens = new ushort[store.Count];
            store.Read(0, Tokens);
            Parts = PartsOf(training, isSeparate);
            Report = new RepeatSearch(store, files, Parts, options ?? Small, Tokenizer)
            {
                Found = Found.Add,
            }.Run(progress: null, TestContext.Current.CancellationToken);
        }

        public ushort[] Tokens { get; }

        public CorpusParts Parts { get; }

        public RepeatReport Report { get; }

        public List<PassageFound> Found { get; } = [];

        public bool IsCopy(int index) => FirstOf(index) >= 0;

        public IEnumerable<PassageFound> Copies() => Enumerable.Range(0, documents.Length).Where(IsCopy).Select(
            index => new PassageFound(
                starts[index], starts[index] + documents[index].Length, starts[FirstOf(index)]));

        /// <summary>How far the tokens agree around the two places of a passage.</summary>
        public int MatchAround(PassageFound found)
        {
            var (first, start, end) = ((int)found.First, (int)found.Start, (int)found.End);
            Assert.Equal(Tokens[first..(first + end - start)], Tokens[start..end]);
            var before = 0;
            while (first - before > 0 && Agree(first - before - 1, start - before - 1))
                before++;
            return before + end - start;
        }

        /// <summary>Where passages of a length begin that stand further ahead, in documents that are no
        /// copies.</summary>
        public IEnumerable<int> RepeatedPassages(int length)
        {
            var places = Enumerable.Range(0, documents.Length).SelectMany(index => Enumerable
                .Range(starts[index], Math.Max(0, documents[index].Length - length + 1))
                .Select(start => (Index: index, Start: start))).ToList();
            return places.Where(place => !IsCopy(place.Index) && places.Any(other => other.Start < place.Start
                    && Tokens.AsSpan(other.Start, length).SequenceEqual(Tokens.AsSpan(place.Start, length))))
                .Select(place => place.Start);
        }

        public void Dispose() => store.Dispose();

        private bool Agree(int first, int second) => Tokens[first] == Tokens[second] && Tokens[first] != End;

        private int FirstOf(int index)
        {
            var first = Array.FindIndex(documents, other => other.SequenceEqual(documents[index]));
            return first < index ? first : -1;
        }

        // Where validation is of its own, it begins with a document.
        private CorpusParts PartsOf(double training, bool isSeparate)
        {
            var cut = Math.Max(1, (int)(training * Tokens.Length));
            if (isSeparate)
                cut = starts.Find(start => start >= cut) is > 0 and var start ? start : Tokens.Length;
            return new CorpusParts(cut, isSeparate ? cut : Tokens.Length, Tokens.Length - cut, documents.Length);
        }
    }
}

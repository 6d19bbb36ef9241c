using System.Collections;
using System.Text;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Inspection;

/// <summary>
/// Finds documents and passages that come again in a corpus, and what stands in training and validation both. Documents
/// are compared whole, by a hash and then token by token. Passages are found by the fingerprints of
/// <see cref="Winnowing"/>: where one was seen before, the tokens around both places are compared as far as they agree,
/// so that nothing is counted which is not there, while something may be missed: of several places that agree only the
/// first is known, and a fingerprint only if it had a place in the table. Memory is bounded by
/// <see cref="InspectionOptions.MostPlaces"/>.
/// </summary>
internal sealed class RepeatSearch
{
    /// <summary>How often all tokens are looked at.</summary>
    public const int Passes = 2;

    private const int PieceTokens = 1 << 16;
    private const int ShownTokens = 32;
    private const double Spare = 1.1;

    private readonly TokenStore store;
    private readonly FileSpans files;
    private readonly CorpusParts parts;
    private readonly InspectionOptions options;
    private readonly Gpt2Tokenizer tokenizer;
    private readonly TokenComparison comparison;
    private readonly RepeatTally documents;
    private readonly RepeatTally passages;
    private readonly RepeatTally overlap;

    // Of the documents in order: whether it equals an earlier one.
    private readonly BitArray isCopy;
    private readonly List<PassageFound> longest = [];
    private long documentOverlap;

    private int documentCount;

    /// <summary>Makes a search.</summary>
    /// <param name="store">The tokens.</param>
    /// <param name="files">Which files they are from.</param>
    /// <param name="parts">What of them is trained on, and what validates.</param>
    /// <param name="options">How.</param>
    /// <param name="tokenizer">Tells their text.</param>
    public RepeatSearch(
        TokenStore store,
        FileSpans files,
        CorpusParts parts,
        InspectionOptions options,
        Gpt2Tokenizer tokenizer)
    {
        this.store = store;
        this.files = files;
        this.parts = parts;
        this.options = options;
        this.tokenizer = tokenizer;
        isCopy = new BitArray(checked((int)parts.DocumentCount));
        comparison = new TokenComparison(store);
        (documents, passages, overlap) = (new RepeatTally(files), new RepeatTally(files), new RepeatTally(files));
    }

    /// <summary>Told each passage that is counted; for tests.</summary>
    internal Action<PassageFound>? Found { get; init; }

    /// <summary>Looks through the corpus.</summary>
    /// <param name="progress">Told the tokens looked at so far, each <see cref="Passes"/> times.</param>
    /// <param name="cancellation">Stops between pieces.</param>
    public RepeatReport Run(IProgress<long>? progress, CancellationToken cancellation)
    {
        var knowsAllDocuments = FindDocuments(progress, cancellation);
        var certain = FindPassages(progress, cancellation);
        return new RepeatReport(
            documents.Count,
            documents.TokenCount,
            knowsAllDocuments && store.Fault is null,
            documents.Most(options.ListLength),
            passages.Count,
            passages.TokenCount,
            options.GramTokens,
            store.Fault is null ? certain : null,
            [.. longest.Select(Describe)],
            passages.Most(options.ListLength),
            parts.ValidationTokenCount == 0 ? null : new ValidationOverlap(
                parts.TrainingEnd,
                parts.ValidationTokenCount,
                documentOverlap,
                overlap.TokenCount,
                overlap.Most(options.ListLength)),
            store.Fault);
    }

    /// <returns>Whether the table had a place for each document.</returns>
    private bool FindDocuments(IProgress<long>? progress, CancellationToken cancellation)
    {
        var table = new FingerprintTable(parts.DocumentCount, options.MostPlaces);
        var hash = 0UL;
        foreach (var piece in Pieces(progress, 0, cancellation))
        {
            foreach (var token in piece.Tokens.Span)
                hash = RollingHash.Append(hash, token);
            if (!piece.EndsDocument)
                continue;
            EndDocument(table, RollingHash.Mix(hash), piece.DocumentStart, piece.End);
            hash = 0;
        }

        return !table.IsFull;
    }

    private void EndDocument(FingerprintTable table, ulong hash, long start, long end)
    {
        var first = FirstOf(table, hash, start, end - start);
        isCopy[documentCount++] = first >= 0;
        if (first < 0)
        {
            table.Add(hash, start);
            return;
        }

        if (start < parts.CorpusEnd)
            documents.Add(start, first, end - start);
        var shared = TokensInTraining(start, end, first);
        if (shared == 0)
            return;
        overlap.Add(start, first, shared);
        if (shared == end - start)
            documentOverlap++;
    }

    private long FirstOf(FingerprintTable table, ulong hash, long start, long length)
    {
        var probe = -1L;
        Span<ushort> behind = stackalloc ushort[1];
        while (table.Find(hash, ref probe) is >= 0 and var place)
        {
            if (comparison.Forward(place, start, length) == length
                && store.Read(place + length, behind) == 1
                && behind[0] == store.EndOfText)
                return place;
        }

        return -1;
    }

    /// <returns>What <see cref="RepeatReport.CertainTokens"/> says.</returns>
    private int? FindPassages(IProgress<long>? progress, CancellationToken cancellation)
    {
        // Of n tokens 2n / (window + 1) become fingerprints, give or take chance.
        var fingerprints = Spare * 2 * store.Count;
        var most = options.MostPlaces * FingerprintTable.MostFilled;
        var window = (int)Math.Max(options.LeastWindow, Math.Ceiling(fingerprints / most));
        var table = new FingerprintTable((long)(fingerprints / (window + 1)), options.MostPlaces);
        var winnowing = new Winnowing(options.GramTokens, window);
        var document = 0;
        var covered = 0L;
        foreach (var piece in Pieces(progress, store.Count, cancellation))
        {
            if (!isCopy[document])
                covered = FindPassages(table, winnowing, piece, covered);
            if (!piece.EndsDocument)
                continue;
            document++;
            winnowing.Begin();
        }

        return table.IsFull ? null : winnowing.CertainTokens;
    }

    private long FindPassages(FingerprintTable table, Winnowing winnowing, Piece piece, long covered)
    {
        foreach (var token in piece.Tokens.Span)
        {
            if (!winnowing.Next(token))
                continue;
            var start = piece.DocumentStart + winnowing.Start;
            var first = FirstOf(table, winnowing.Hash, start);
            if (first < 0)
                table.Add(winnowing.Hash, start);
            else if (start + options.GramTokens > covered)
                covered = Count(Passage(first, start, Math.Max(piece.DocumentStart, covered)));
        }

        return covered;
    }

    // Also within a passage that is known: who comes behind may share another part of it.
    private long FirstOf(FingerprintTable table, ulong hash, long start)
    {
        var probe = -1L;
        while (table.Find(hash, ref probe) is >= 0 and var place)
        {
            if (comparison.Forward(place, start, options.GramTokens) == options.GramTokens)
                return place;
        }

        return -1;
    }

    private PassageFound Passage(long first, long start, long bound)
    {
        var from = bound > start ? bound : start - comparison.Backward(first, start, start - bound);
        return new PassageFound(
            from, start + comparison.Forward(first, start, long.MaxValue), first + (from - start));
    }

    /// <returns>Where the passage ends.</returns>
    private long Count(PassageFound found)
    {
        Found?.Invoke(found);
        if (found.Start < parts.CorpusEnd)
        {
            passages.Add(found.Start, found.First, found.Length);
            Keep(found);
        }

        var shared = TokensInTraining(found.Start, found.End, found.First);
        if (shared > 0)
            overlap.Add(found.End - 1, found.First, shared);
        return found.End;
    }

    // Tokens of a range that validate while those they equal are trained on.
    private long TokensInTraining(long start, long end, long first) => Math.Max(
        0, Math.Min(end, parts.TrainingEnd + (start - first)) - Math.Max(start, parts.TrainingEnd));

    private void Keep(PassageFound found)
    {
        var index = longest.FindIndex(other => other.Length < found.Length);
        if (index >= 0)
            longest.Insert(index, found);
        else if (longest.Count < options.ListLength)
            longest.Add(found);
        if (longest.Count > options.ListLength)
            longest.RemoveAt(options.ListLength);
    }

    private RepeatedPassage Describe(PassageFound found)
    {
        var tokens = new ushort[Math.Min(ShownTokens, found.Length)];
        store.Read(found.Start, tokens);
        var text = Encoding.UTF8.GetString(tokenizer.DecodeBytes(tokens.Select(token => (int)token)));
        return new RepeatedPassage(
            found.Length, files.Name(files.IndexOf(found.Start)), files.Name(files.IndexOf(found.First)), text);
    }

    /// <summary>The documents in pieces; ends of text belong to none.</summary>
    private IEnumerable<Piece> Pieces(IProgress<long>? progress, long done, CancellationToken cancellation)
    {
        var buffer = new ushort[PieceTokens];
        var (start, documentStart) = (0L, 0L);
        while (store.Read(start, buffer) is > 0 and var read)
        {
            cancellation.ThrowIfCancellationRequested();
            for (var index = 0; index < read;)
            {
                var length = buffer.AsSpan(index, read - index).IndexOf(store.EndOfText);
                var end = length < 0 ? read : index + length;
                var isLast = length >= 0 || start + end == store.Count;
                if (start + end > documentStart)
                {
                    yield return new Piece(
                        buffer.AsMemory(index, end - index), documentStart, start + end, isLast);
                }

                if (length >= 0)
                    documentStart = start + end + 1;
                index = length < 0 ? read : end + 1;
            }

            start += read;
            progress?.Report(done + start);
        }
    }

    /// <summary>Part of a document.</summary>
    /// <param name="Tokens">Its tokens.</param>
    /// <param name="DocumentStart">Where the document begins in the store.</param>
    /// <param name="End">Where the part ends.</param>
    /// <param name="EndsDocument">Whether the document ends with it.</param>
    private readonly record struct Piece(
        ReadOnlyMemory<ushort> Tokens, long DocumentStart, long End, bool EndsDocument);
}

/// <summary>A passage that stands further ahead as well.</summary>
/// <param name="Start">Its first token that no passage before it has.</param>
/// <param name="End">Behind its last token.</param>
/// <param name="First">Where it stands further ahead.</param>
internal readonly record struct PassageFound(long Start, long End, long First)
{
    /// <summary>Tokens.</summary>
    public long Length => End - Start;
}

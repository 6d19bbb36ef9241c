using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Sources;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Inspection;

/// <summary>
/// Looks through a corpus in bounded memory: reads it once, counts on the way and keeps its tokens
/// (<see cref="TokenStore"/>), then looks for what comes twice (<see cref="RepeatSearch"/>). One thread at a time.
/// </summary>
public sealed class CorpusInspection : IDisposable
{
    // Of a vocabulary without an end of text, whose documents nothing parts.
    private const int NoToken = ushort.MaxValue;

    private readonly InspectionOptions options;
    private readonly Gpt2Tokenizer tokenizer;
    private readonly TokenStore store;
    private readonly FileSpans files = new();
    private long corpusTokens;
    private long validationTokens;
    private long documents;

    /// <summary>Makes one.</summary>
    /// <param name="options">How; null for the defaults.</param>
    /// <param name="tokenizer">Whose vocabulary; null for GPT-2's own.</param>
    public CorpusInspection(InspectionOptions? options = null, Gpt2Tokenizer? tokenizer = null)
    {
        this.options = options ?? new InspectionOptions();
        this.tokenizer = tokenizer ?? new Gpt2Tokenizer();
        var endOfText = (ushort)(this.tokenizer.Vocabulary.EndOfText ?? NoToken);
        store = new TokenStore(this.options.MemoryTokens, endOfText, this.options.Folder);
    }

    /// <summary>Reads the corpus; the first thing to do.</summary>
    /// <param name="source">Its texts.</param>
    /// <param name="progress">Told the bytes read so far.</param>
    /// <param name="cancellation">Stops between pieces.</param>
    /// <exception cref="UserErrorException">A text cannot be used, or there are fewer than two tokens.</exception>
    public CorpusStatistics Read(
        DatasetSource source, IProgress<long>? progress = null, CancellationToken cancellation = default)
    {
        var facts = Take(source, progress, cancellation);
        corpusTokens = facts.Tokens.TokenCount;
        return facts;
    }

    /// <summary>Reads texts that only validate; not without <see cref="Read"/> before.</summary>
    /// <inheritdoc cref="Read"/>
    public CorpusStatistics ReadValidation(
        DatasetSource source, IProgress<long>? progress = null, CancellationToken cancellation = default)
    {
        // The first document of these is none of the corpus.
        store.Append([store.EndOfText]);
        var facts = Take(source, progress, cancellation);
        validationTokens = facts.Tokens.TokenCount;
        return facts;
    }

    /// <summary>Looks for what comes twice.</summary>
    /// <param name="trainingTokens">
    /// Tokens of the corpus that are trained on, from the first one on; those behind them validate. All, where other
    /// texts validate or nothing does.
    /// </param>
    /// <param name="progress">Told the tokens looked at so far, from 0 to <see cref="WorkTokens"/>.</param>
    /// <param name="cancellation">Stops between pieces.</param>
    public RepeatReport FindRepeats(
        long trainingTokens, IProgress<long>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(trainingTokens, corpusTokens);
        var parts = new CorpusParts(
            trainingTokens,
            corpusTokens,
            validationTokens > 0 ? validationTokens : corpusTokens - trainingTokens,
            documents);
        var search = new RepeatSearch(store, files, parts, options, tokenizer);
        return search.Run(progress, cancellation);
    }

    /// <summary>What <see cref="FindRepeats"/> has to do.</summary>
    public long WorkTokens => RepeatSearch.Passes * store.Count;

    /// <inheritdoc/>
    public void Dispose() => store.Dispose();

    private CorpusStatistics Take(DatasetSource source, IProgress<long>? progress, CancellationToken cancellation)
    {
        files.Begin(source.Files);
        using var reader = new CorpusReader(store, files, tokenizer);
        source.Read(reader, progress, cancellation);
        var facts = reader.Complete();
        documents += facts.Tokens.DocumentCount;
        return facts;
    }
}

using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Provenance;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Models.Exports;

/// <summary>A model on its way out: what every format's writer is given.</summary>
/// <param name="Weights">All of its parameters; open while it is written.</param>
/// <param name="Vocabulary">Its vocabulary.</param>
/// <param name="Origin">Where it comes from.</param>
public sealed record ExportedModel(IModelReader Weights, Gpt2Vocabulary Vocabulary, Origin Origin)
{
    /// <summary>The adapters, where the weights are those of a run that trained some.</summary>
    public AdapterWeights? Adapter { get; init; }

    /// <summary>
    /// The hashes that what was opened was found to have: a checkpoint's state hash where its parameters are the
    /// manifest's, SHA-256 of a model's weights; of what a run began with, too, where that had to be read.
    /// </summary>
    public IReadOnlyList<string> FoundHashes { get; init; } = [];

    /// <summary>
    /// <see cref="Origin"/> as a file of weights holds it: what the file itself hashes to cannot stand in it.
    /// </summary>
    internal string Record => (Origin with { WeightsSha256 = null }).Write();

    /// <summary>Its shape.</summary>
    public ModelShape Shape => Weights.Shape;

    /// <summary>
    /// Whether the vocabulary can go with it: tokens that the model has no rows for would lead beyond its embedding.
    /// </summary>
    public bool HasVocabulary => Shape.VocabularySize >= Vocabulary.RowsNeeded;

    /// <summary>
    /// The tokens by id, in the letters that stand for bytes, as many as the embedding has rows: those beyond are left
    /// out; null where no token goes with a row.
    /// </summary>
    public IReadOnlyList<string?> Words() =>
    [
        .. Enumerable.Range(0, Shape.VocabularySize)
            .Select(id => id < Vocabulary.Count ? Vocabulary.WordOf(id) : null),
    ];

    /// <summary>The merges of those tokens, first to last: two tokens with a blank between.</summary>
    public IReadOnlyList<string> Merges() =>
    [
        .. Vocabulary.MergeList.Where(merge => merge.Result < Shape.VocabularySize
                && merge.Left < Shape.VocabularySize && merge.Right < Shape.VocabularySize)
            .Select(merge => $"{Vocabulary.WordOf(merge.Left)} {Vocabulary.WordOf(merge.Right)}"),
    ];
}

/// <summary>The factors of adapters (LoRA).</summary>
/// <param name="Options">Rank, alpha, dropout, targets.</param>
/// <param name="Layout">The factors, in order.</param>
/// <param name="Read">Gives them, from a flat index on.</param>
/// <param name="BaseModel">
/// What they are added to, as PEFT's <c>base_model_name_or_path</c> names it; empty where nobody said.
/// </param>
public sealed record AdapterWeights(
    Core.Specification.LoraOptions Options,
    ParameterLayout Layout,
    HuggingFace.ParameterSource Read,
    string BaseModel)
{
    /// <summary>
    /// Their <c>adapter_config.json</c> as it came, where they came from elsewhere: it leaves as it is.
    /// </summary>
    public byte[]? Configuration { get; init; }
}

/// <summary>An export that is asked for.</summary>
/// <param name="Path">Where to: a folder, or a file.</param>
/// <param name="Type">The weights' type.</param>
/// <param name="Overwrites">Whether what an earlier export left there is replaced.</param>
public sealed record ExportRequest(string Path, WeightType Type, bool Overwrites)
{
    /// <summary>
    /// Whether the user named a folder where the format writes a file: then what goes beside the file is written too.
    /// </summary>
    public bool IsInFolder { get; init; }

    /// <summary>Told the parameters written so far.</summary>
    public IProgress<long>? Progress { get; init; }

    /// <summary>Stops between pieces; nothing is left behind.</summary>
    public CancellationToken Cancellation { get; init; }
}

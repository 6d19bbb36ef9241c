using System.CommandLine;
using Gpt2Cluster.Client.CommandLine;

namespace Gpt2Cluster.Client.Training;

/// <summary>
/// The dataset as a command's argument; <c>train</c> takes <c>--dataset</c> or <c>--mix</c> in its place.
/// </summary>
internal sealed class DatasetArgument : Argument<string?>
{
    /// <summary>What a dataset may be.</summary>
    public const string Forms = "a text, a folder, a glob, - for standard input, .npz, .jsonl, .json, .csv, .tsv, "
        + ".parquet, .docx, .pdf, .epub or .html";

    /// <summary>Makes the argument.</summary>
    /// <param name="isOptional">Whether an option may stand in its place.</param>
    public DatasetArgument(bool isOptional = false)
        : base("DATASET")
    {
        Description = Forms;
        Arity = isOptional ? ArgumentArity.ZeroOrOne : ArgumentArity.ExactlyOne;
    }

    /// <summary>
    /// The datasets: one, from the argument or from <c>--dataset</c>, or those of <c>--mix</c>. A mixture of one
    /// dataset is that dataset.
    /// </summary>
    /// <param name="context">The command's.</param>
    /// <param name="options">The command's, with <c>--dataset</c> and <c>--mix</c>.</param>
    /// <exception cref="UsageException">There is none, it is named twice, or the mixture cannot be.</exception>
    public IReadOnlyList<NamedDataset> ReadAll(CommandContext context, TrainingOptions options)
    {
        var (argument, named) = (context.Arguments.GetValue(this), context.Arguments.GetValue(options.Dataset));
        if (context.Arguments.GetValue(options.Mix) is { Length: > 0 } mix)
        {
            return (argument ?? named) is { } other
                ? throw new UsageException($"--mix stands in place of the dataset; leave out '{other}' or --mix.")
                : NamedDataset.OfMix(mix);
        }

        if (argument is not null && named is not null)
            throw new UsageException("The dataset is named twice: as the argument and as --dataset.");
        return [new(NotEmpty(argument ?? named ?? throw new UsageException("The dataset is missing.")), 1)];
    }

    /// <summary>The path.</summary>
    /// <exception cref="UsageException">It is missing, or an empty word such as an unset variable leaves.</exception>
    public string Read(CommandContext context) =>
        NotEmpty(context.Arguments.GetValue(this) ?? throw new UsageException("The dataset is missing."));

    private static string NotEmpty(string path) => path.Length > 0
        ? path
        : throw new UsageException("The dataset is an empty word; name a file, a folder or a glob.");
}

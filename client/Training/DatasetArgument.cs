using System.CommandLine;
using Gpt2Cluster.Client.CommandLine;

namespace Gpt2Cluster.Client.Training;

/// <summary>The dataset as a command's argument; <c>train</c> takes <c>--dataset</c> in its place.</summary>
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

    /// <summary>The path, from the argument or from the option.</summary>
    /// <exception cref="UsageException">There is none, or there are two.</exception>
    public string Read(CommandContext context, Option<string?> option)
    {
        var (argument, named) = (context.Arguments.GetValue(this), context.Arguments.GetValue(option));
        if (argument is not null && named is not null)
            throw new UsageException("The dataset is named twice: as the argument and as --dataset.");
        return NotEmpty(argument ?? named ?? throw new UsageException("The dataset is missing."));
    }

    /// <summary>The path, which cannot be left out.</summary>
    /// <exception cref="UsageException">It is an empty word, such as an unset variable leaves behind.</exception>
    public string Read(CommandContext context) => NotEmpty(context.Arguments.GetValue(this)!);

    private static string NotEmpty(string path) => path.Length > 0
        ? path
        : throw new UsageException("The dataset is an empty word; name a file, a folder or a glob.");
}
